"""Sentences of the sealed set in which people give away numbers, passwords and addresses with passwords."""

from __future__ import annotations

SENTENCES = {
    "SSN": (
        "my soc sec number: {}", "Applicant's SSN is {}.", "Lost my card, the number on it was {} (social security).",
        "Employee social security # {}.", "W-9 attached, SSN {}.", "They keep asking for the Social, so: {}.",
        "Her SSN ends the form: {}.", "Taxpayer ID (SSN) {}",
    ),
    "NINO": (
        "NI: {}", "Nat. Ins. No. {}", "The letter from HMRC shows {} as my National Insurance number.",
        "my ni number's {} btw", "National Insurance no {} / payroll start in May.", "For the pension, NINO {}.",
        "Tax office wants my N.I. number, {}.", "Employee NI number = {}",
    ),
    "NIR": (
        "n° SS {}", "Matricule sécurité sociale {}.", "Le NIR de l'assuré est {}.", "Ma sécu : {} pour la mutuelle.",
        "Sur l'attestation figure le numéro de sécurité sociale {}.", "NIR={}",
        "Assurée sociale, numéro {}, je n'ai rien reçu.", "Mon n° d'immatriculation INSEE : {}",
    ),
    "DNI": (
        "dni: {}", "Adjunto copia del DNI n.º {}.", "D.N.I. {} a nombre de mi padre.", "Mi NIF es el {}.",
        "Documento de identidad {}.", "El carné de identidad lleva el número {}.", "Número de DNI/NIF: {}",
        "Firmado por el titular con DNI {}.",
    ),
    "codice fiscale": (
        "CF {}", "Il codice fiscale di mia moglie è {}.", "Sulla tessera sanitaria c'è scritto {}.",
        "c.f. {} per la ricevuta", "Codice fiscale del richiedente: {}.", "Serve il codice fiscale? Eccolo: {}",
        "Fatturare a C.F. {}.", "Nato a Lecce, cod. fiscale {}.",
    ),
    "BSN": (
        "bsn: {}", "Mijn BSN-nummer: {}.", "Het burgerservicenummer van mijn zoon is {}.", "Sofinr. {}",
        "Op het loonstrookje staat BSN {}.", "BSN van de aanvrager = {}", "U vroeg om mijn bsn, dat is {}.",
        "Patiënt met BSN {} heeft een afspraak.",
    ),
    "PESEL": (
        "Nr ewid. PESEL: {}", "Mój numer PESEL to {}.", "Pacjent o numerze PESEL {}.", "nr pesel - {}",
        "W dowodzie jest PESEL {}.", "Proszę wpisać PESEL {} na fakturze.", "PESEL żony {}.", "pesel={}",
    ),
    "CPF": (
        "CPF {}", "O número do meu CPF é {}.", "Nota fiscal com CPF {} por favor.", "cpf do comprador = {}",
        "Cadastro de pessoa física: {}.", "Inscrita no CPF sob o nº {}.", "Meu marido tem o CPF {}.", "CPF/MF {}",
    ),
    "Aadhaar": (
        "aadhaar no. {}", "My UID (Aadhaar) is {}.", "Link my Aadhaar {} with the account.", "आधार: {}",
        "Aadhaar card number - {}.", "Father's aadhar {}", "The Aadhaar on the ration card reads {}.",
        "Kindly verify Aadhaar number {}.",
    ),
    "CN": (
        "身份证号：{}", "我的居民身份证号码为{}。", "本人身份证{}，已上传照片。", "身份证号码 {} 无法通过验证。",
        "申请人身份证：{}。", "请核对身份证号{}。", "My Chinese ID number is {}.", "他的身份证是{}。",
    ),
    "AHV": (
        "AHV-Nummer: {}", "Ihre Sozialversicherungsnummer {} ist erfasst.", "No AVS {}", "Numero AVS: {}.",
        "Auf dem Lohnausweis steht die AHV-Nr. {}.", "NSS / AHV {}", "Versichertennummer AHV {}.",
        "Mon numéro AVS est le {}, merci.",
    ),
    "French phone": (
        "tél {}", "Mon numéro de portable est le {}.", "Contactez-moi au {} de préférence.", "Fixe : {}",
        "Vous me trouverez au {}.", "Téléphone du gardien : {}.", "SMS au {} svp", "Rappel demandé au {}.",
    ),
    "Indian phone": (
        "mob no {}", "You may reach my wife on {}.", "Alternate number: {}.", "Give a missed call to {}.",
        "Ph: {}", "My WhatsApp number is {}.", "Courier should call {} first.", "Registered mobile {}",
    ),
}  # fmt: skip
PASSWORDS = {
    "en": (
        "pwd is {}", "Password = {}", "You can use my password, {}, to look into it.", "username bob / password {}",
        "I've set {} as the new password.", "login: bob, pass: {}", "The router's password is still {}.",
        "Old password was {}, new one doesn't work.", "passphrase: {}", "Her password: {} (don't share).",
    ),
    "uk": (
        "пароль: {}", "Мій пароль {}, але він не підходить.", "Логін admin, пароль {}", "Пароль від пошти — {}.",
        "Новий пароль такий: {}", "Ось пароль до вайфаю: {}", "Я змінила пароль на {}.", "пароль {} не спрацьовує",
    ),
    "fr": ("mdp : {}", "Le mot de passe du compte est {}.", "J'ai mis {} comme mot de passe."),
    "it": ("la mia password è {}", "Password: {}", "Ho impostato la password {} ieri."),
    "es": ("clave: {}", "La contraseña del wifi es {}.", "Puse {} como contraseña."),
    "pt": ("senha: {}", "A minha palavra-passe é {}.", "Mudei a senha para {}."),
    "ca": ("contrasenya: {}", "La contrasenya és {}."),
    "de": ("Das Passwort ist {}.", "PW: {}", "Mein Kennwort {} wird abgelehnt."),
    "nl": ("ww: {}", "Mijn wachtwoord is {}.", "Ik heb {} als wachtwoord ingesteld."),
    "da": ("Adgangskoden er {}.", "kodeord: {}"),
    "sv": ("lösenord: {}", "Mitt lösenord är {}."),
    "pl": ("hasło: {}", "Moje hasło to {}.", "Ustawiłam hasło {} i nie działa."),
    "cs": ("heslo: {}", "Moje heslo je {}."),
    "sk": ("Heslo mám {}.", "heslo: {}"),
    "sr": ("lozinka: {}", "Moja lozinka je {}."),
    "hr": ("Lozinka mi je {}.", "zaporka: {}"),
    "tr": ("şifrem {}", "Parola: {}", "Şifreyi {} yaptım ama olmadı."),
    "lt": ("slaptažodis: {}", "Mano slaptažodis yra {}."),
    "et": ("parool: {}", "Minu parool on {}."),
    "id": ("kata sandi: {}", "Password saya {}."),
    "vi": ("mật khẩu: {}", "Mật khẩu của tôi là {}."),
    "ar": ("كلمة المرور: {}", "كلمة السر هي {}."),
    "fa": ("رمز عبور: {}", "گذرواژهٔ من {} است."),
    "he": ("סיסמה: {}", "הסיסמה שלי היא {}."),
    "ko": ("비밀번호: {}", "제 비밀번호는 {}입니다."),
}  # fmt: skip
URLS = (
    "postgres://{user}:{password}@{host}/billing?sslmode=require",
    "mysql+pymysql://{user}:{password}@{host}:3307/shop",
    "mongodb://{user}:{password}@{host}:27017/?authSource=admin",
    "rediss://{user}:{password}@{host}:6380/1",
    "sftp://{user}:{password}@{host}/upload",
    "http://{user}:{password}@{host}:8080/jenkins/job/build",
    "amqps://{user}:{password}@{host}/prod",
    "ldap://{user}:{password}@{host}:389/dc=acme",
    "mssql://{user}:{password}@{host}/hr",
    "https://{user}:{password}@{host}/scm/app.git",
    "smtps://{user}:{password}@{host}:465",
)
AROUND_URLS = (
    "BROKER={}", "curl -O {}", "Our staging database is at {}.", "git clone {}", "connection refused: {}",
    "export DB_URL='{}'", "Please whitelist us, we connect with {}.", "url: {}",
)  # fmt: skip
SECRET_WORDS = ("kotek", "Liverpool", "sunflower", "Zaragoza", "abc", "Kyiv", "letmein", "Nimbus", "perro", "Grace")
