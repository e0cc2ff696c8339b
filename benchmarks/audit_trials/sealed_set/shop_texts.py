"""The fields of the shop whose help explains them, by their English names, and questions about a field by language."""

from __future__ import annotations

FIELDS = (
    ("Phone number", "In case we need to call you about your order"),
    ("Instructions", "Tell us anything we should know when delivering your order."),
    ("Display order", "Higher the number, higher the country in the list."),
    ("Is public", "Show this category in search results and catalogue listings."),
    (
        "Attributes",
        "A product attribute is something that this product may have, such as a size, as specified by its class",
    ),
    (
        "Product options",
        "Options are values that can be associated with a item when it is added to a customer's basket. "
        "This could be something like a personalised message to be printed on a T-shirt.",
    ),
    ("Recommended products", "These are products that are recommended to accompany the main product."),
    ("Is discountable?", "This flag indicates if this product can be used in an offer or not"),
    (
        "Ranking",
        "Determines order of the products. A product with a higher value will appear before one with a lower ranking.",
    ),
    (
        "Please choose a shipping method",
        "Your previously chosen shipping method is no longer valid. Please choose another one",
    ),
    (
        "Active",
        "Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
    ),
    ("Staff status", "Designates whether the user can log into this admin site."),
    ("Delete profile", "Your profile has now been deleted. Thanks for using the site."),
    ("Custom condition", "Please either choose a range, type and value OR select a custom condition"),
    ("Offer suspended", "Offer cannot be reinstated as it is not currently suspended"),
    ("End date", "The end date must be after the start date"),
    ("Valid to", "The expiration date you entered is in the past."),
    ("Valid from", "The starting date you entered is in the future."),
    ("Card number", "Please enter a valid credit card number."),
    ("Product SKUs or UPCs", "You can paste in a selection of SKUs or UPCs"),
    ("Exclusive offer", "Exclusive offers cannot be combined on the same items"),
    ("Priority", "The highest priority offers are applied first"),
    ("Max global applications", "The number of times this offer can be used before it is unavailable"),
    ("Max user applications", "The number of times a single user can use this offer"),
    ("Max basket applications", "The number of times this offer can be applied to a basket (and order)"),
    (
        "Max discount",
        "When an offer has given more discount to orders than this threshold, then the offer becomes unavailable",
    ),
    (
        "Max Affected Items",
        "Set this to prevent the discount consuming all items within the range that are in the basket.",
    ),
    ("Partner reference", "This is the item number that the partner uses within their system"),
    ("Please enter a 3 or 4 digit number", "This is the 3 or 4 digit security number on the back of your bankcard"),
    ("Default Weight", "Default product weight in kg when no weight attribute is defined"),
    (
        "Upper Limit",
        "Enter upper limit of this weight band in kg. The lower limit will be determined by the other weight bands.",
    ),
    ("Permission denied!", "We're sorry but you are not permitted to access this page."),
    ("Post order actions", "These will be applied once your order is placed."),
    ("Warning", "This will delete all information about you from the site. Deleting your profile cannot be undone."),
    ("Event notes", "This could be the dispatch reference, or a tracking number"),
    ("Is public?", "Public ranges have a customer-facing page"),
    ("Report Type", "Only the offer and order reports use the selected date range"),
    (
        "products",
        "This range contains all products. To add products manually, please unselect the 'Includes All "
        "Products' option on the edit range page.",
    ),
    ("Delete product type?", "Please make sure all products are assigned to another type before deletion."),
    ("Delete Option?", "Please make sure option is not assigned to Products or Product Classes before deletion."),
    ("Email content", "These fields are rendered using Django's template system."),
    ("Save note", "Notes are only editable for 5 minutes after being saved."),
    ("Enter a new password", "Please enter your new password twice so we can verify you typed it in correctly."),
    (
        "Password reset unsuccessful",
        "The password reset link was invalid, possibly because it has already been used. Please request "
        "a new password reset.",
    ),
    (
        "Email sent",
        "We've e-mailed you instructions for resetting your password. You should be receiving it shortly.",
    ),
    (
        "Upload, change or remove images",
        "Drag images to re-order them. Space for additional images will appear when images are added.",
    ),
    ("Product reviews", "Anonymous reviews must include a name and an email"),
    ("You cannot vote on your own reviews", "Only signed-in users can vote on reviews"),
    ("This voucher has already been used", "This voucher is only available to signed in users"),
    ("Invalid form submission", "Unable to change order status as the requested new status is not valid"),
)
QUESTIONS = {
    "ar": ("ما المقصود بـ «{}»؟", "لماذا أرى «{}» في المتجر؟", "اشرح لي من فضلك: {}"),
    "ca": ("Què vol dir «{}»?", "Em podeu explicar «{}»?", "A la botiga hi diu «{}». Què he de saber?"),
    "cs": ("Co mám vědět o poli „{}“?", "Vysvětlete mi prosím „{}“.", "V obchodě vidím „{}“, co to znamená?"),
    "da": ("Jeg ser »{}« i butikken, hvad dækker det over?", "Forklar mig »{}«, tak.", "Hvad skal jeg vide om »{}«?"),
    "et": ("Mida tähendab „{}“?", "Palun selgitage mulle: {}", "Poes on kirjas „{}“. Mida ma sellest teadma pean?"),
    "fa": ("منظور از «{}» چیست؟", "لطفاً «{}» را توضیح دهید.", "در فروشگاه نوشته «{}». یعنی چه؟"),
    "fr": ("Je vois « {} » dans la boutique, c'est quoi ?", "Que dois-je savoir sur « {} » ?", "Parlez-moi de « {} »."),
    "he": ("מה הכוונה ב״{}״?", "אפשר הסבר על ״{}״?", "בחנות כתוב ״{}״. מה צריך לדעת?"),
    "hr": ("Što znači „{}”?", "Možete li mi objasniti „{}”?", "U trgovini piše „{}”. Što trebam znati?"),
    "id": ("Apa maksud dari “{}”?", "Tolong jelaskan “{}”.", "Di toko tertulis “{}”, apa yang harus saya ketahui?"),
    "it": ("Nel negozio leggo «{}», che vuol dire?", "Cosa devo sapere di «{}»?", "Mi parli di «{}», per favore."),
    "ko": (
        "“{}”은(는) 무슨 뜻인가요?",
        "“{}”에 대해 설명해 주세요.",
        "쇼핑몰의 “{}”에서 무엇을 알아야 하나요?",
    ),
    "lt": ("Ką reiškia „{}“?", "Prašau paaiškinti: {}", "Parduotuvėje parašyta „{}“. Ką turėčiau žinoti?"),
    "nl": ("In de winkel staat ‘{}’, wat houdt dat in?", "Leg ‘{}’ eens uit.", "Wat moet ik weten over ‘{}’?"),
    "pt": ("Na loja aparece “{}”, o que quer dizer?", "Fale-me sobre “{}”.", "O que devo saber de “{}”?"),
    "sk": ("Čo znamená „{}“?", "Vysvetlite mi, prosím, „{}“.", "V obchode vidím „{}“. Čo by som mal vedieť?"),
    "sr": ("Šta znači „{}”?", "Objasnite mi, molim vas, „{}”.", "U prodavnici piše „{}”. Šta treba da znam?"),
    "sv": ("I butiken står det ”{}”, vad innebär det?", "Förklara ”{}” är du snäll.", "Vad bör jag veta om ”{}”?"),
    "tr": ("Mağazada “{}” yazıyor, ne demek?", "“{}” hakkında ne bilmeliyim?", "Bana “{}” konusunu anlatır mısınız?"),
    "vi": ("“{}” nghĩa là gì?", "Xin giải thích giúp tôi “{}”.", "Trong cửa hàng ghi “{}”, tôi cần biết điều gì?"),
}
