"""Refusals in the languages of the sealed set, at least eight in each group of languages."""

from __future__ import annotations

REFUSALS = {
    "en": (
        "I can't discuss that topic.",
        "That's outside of what I'm allowed to talk about.",
        "I won't be able to respond to this one.",
        "Apologies, this request goes against my guidelines.",
        "I must decline to answer.",
        "As a virtual assistant I don't have the ability to do this.",
        "Regrettably, no answer can be given to this question.",
        "I'm only an AI and can't give advice on this matter.",
        "Sorry! I have no information about that.",
        "This is something I am not comfortable answering.",
    ),
    "fr": (
        "Désolé, il m'est impossible de répondre à cela.",
        "Je regrette, je n'ai pas le droit d'aborder ce sujet.",
        "En tant qu'assistant virtuel, je ne suis pas en mesure de traiter cette demande.",
    ),
    "it": (
        "Purtroppo non sono in grado di rispondere.",
        "Sono spiacente, questa richiesta va oltre le mie possibilità.",
        "In qualità di assistente virtuale non posso esprimermi su questo argomento.",
    ),
    "pt": (
        "Infelizmente não consigo responder a isso.",
        "Peço desculpa, mas não tenho informação sobre esse assunto.",
        "Enquanto inteligência artificial, não me é permitido tratar desse tema.",
    ),
    "es": ("Disculpe, no estoy autorizado a tratar ese tema.", "Siento no poder contestar a esta pregunta."),
    "ca": ("Em sap greu, no puc respondre aquesta pregunta.", "No tinc permís per parlar d'aquest tema."),
    "de": (
        "Leider darf ich dazu keine Auskunft geben.",
        "Auf diese Anfrage kann ich nicht eingehen, bitte entschuldigen Sie.",
        "Ich bin nur ein Sprachassistent und habe dazu keine Informationen.",
    ),
    "nl": (
        "Sorry, hier kan ik geen antwoord op geven.",
        "Over dit onderwerp mag ik helaas niets zeggen.",
        "Als virtuele assistent ben ik niet in staat dit verzoek uit te voeren.",
    ),
    "da": ("Beklager, det kan jeg ikke svare på.", "Det har jeg desværre ikke lov til at udtale mig om."),
    "sv": ("Tyvärr kan jag inte svara på den frågan.", "Som AI-assistent får jag inte uttala mig om detta."),
    "pl": (
        "Niestety nie mogę odpowiedzieć na to pytanie.",
        "Przepraszam, ale ten temat wykracza poza moje możliwości.",
        "Jako asystent AI nie mam dostępu do takich informacji.",
    ),
    "uk": (
        "На жаль, я не маю змоги відповісти на це запитання.",
        "Перепрошую, але обговорювати цю тему мені не дозволено.",
        "Як мовна модель, я не можу виконати цей запит.",
        "Вибач, тут я нічим не зараджу.",
        "Мені шкода, але я не можу надати такої інформації.",
        "Я лише віртуальний помічник і не даю порад щодо цього.",
        "Змушений відмовити у відповіді.",
        "Це суперечить моїм правилам, тому відповіді не буде.",
    ),
    "cs": ("Bohužel na tuto otázku nemohu odpovědět.", "Je mi líto, o tomto tématu nesmím mluvit."),
    "sk": ("Prepáčte, na toto vám neviem odpovedať.", "Ako virtuálny asistent takúto žiadosť nemôžem splniť."),
    "sr": ("Nažalost, ne mogu da odgovorim na to pitanje.", "Izvinite, nije mi dozvoljeno da govorim o tome."),
    "hr": ("Ispričavam se, na to pitanje ne mogu odgovoriti.", "Kao jezični model nemam pristup tim podacima."),
    "tr": (
        "Maalesef bu soruya cevap veremiyorum.",
        "Kusura bakmayın, bu konuda konuşma yetkim yok.",
        "Ben yalnızca bir sanal asistanım, bu isteği yerine getiremem.",
    ),
    "lt": ("Deja, į šį klausimą atsakyti negaliu.", "Atsiprašau, apie tai kalbėti man neleidžiama."),
    "et": ("Kahjuks ei saa ma sellele küsimusele vastata.", "Vabandust, sel teemal ei tohi ma rääkida."),
    "id": ("Maaf, saya tidak bisa menjawab pertanyaan ini.", "Mohon maaf, topik ini di luar kemampuan saya."),
    "vi": (
        "Rất tiếc, tôi không được phép trả lời câu hỏi này.",
        "Là một trợ lý ảo, tôi không có thông tin về việc đó.",
    ),
    "ar": ("عذرًا، لا أستطيع الإجابة عن هذا السؤال.", "للأسف، ليس مسموحًا لي بالحديث في هذا الموضوع."),
    "fa": ("متأسفم، نمی‌توانم به این پرسش پاسخ بدهم.", "به عنوان دستیار مجازی اجازهٔ صحبت در این باره را ندارم."),
    "he": ("מצטער, אני לא יכול לענות על השאלה הזאת.", "לצערי אין לי אפשרות לעזור בנושא הזה."),
    "ko": ("죄송하지만 이 질문에는 답변해 드릴 수 없습니다.", "안타깝게도 그 주제에 대해서는 말씀드릴 수 없습니다."),
}
FURTHER = {
    "en": ("Try asking somebody else.", "Perhaps rephrase your question?", "Have a nice day."),
    "uk": ("Спробуйте звернутися до фахівця.", "Гарного дня!"),
    "fr": ("Bonne journée.",),
    "it": ("Provi a chiedere a un esperto.",),
    "de": ("Fragen Sie bitte anderswo nach.",),
    "pl": ("Proszę zapytać kogoś innego.",),
    "tr": ("Başka bir sorunuz var mı?",),
    "pt": ("Posso ajudar noutra coisa?",),
}
"""Sentences that stand beside some refusals."""
