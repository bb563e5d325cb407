//! S4: the kinds of personal data and secrets, each with its name and the word that stands in its place.
//!
//! Names follow the recogniser names of Microsoft Presidio where it has one; `SECRET_*` are credentials.
//!
//! Never: decides whether a text holds one.

/// The place of the first kind of the operator's own.
pub(crate) const FIRST_CUSTOM: usize = 112;

/// How many kinds an operator may add.
pub const CUSTOM_MAX: usize = 128 - FIRST_CUSTOM;

macro_rules! kinds {
    ($($kind:ident $name:literal $tag:literal $doc:literal),+ $(,)?) => {
        /// What was found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $doc] $kind,)+
            /// A kind of the operator's own: its place in [`super::Options::custom`].
            Custom(u8),
        }

        enum Slot { $($kind),+ }

        impl Kind {
            /// Every kind golive brings along, in the order of the table.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),+];

            /// The kind's name, as it stands in configurations, reports and labelled files.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)+ Kind::Custom(_) => "CUSTOM" }
            }

            /// The word between brackets that stands where one was redacted.
            #[must_use]
            pub fn tag(self) -> &'static str {
                match self { $(Kind::$kind => $tag,)+ Kind::Custom(_) => "CUSTOM" }
            }

            /// The place of the kind in tables: below [`Kind::SLOTS`].
            #[must_use]
            pub(crate) fn slot(self) -> usize {
                match self { $(Kind::$kind => Slot::$kind as usize,)+ Kind::Custom(n) => FIRST_CUSTOM + usize::from(n) % CUSTOM_MAX }
            }
        }
    };
}

kinds! {
    EmailAddress "EMAIL_ADDRESS" "EMAIL" "An e-mail address.",
    PhoneNumber "PHONE_NUMBER" "PHONE" "A telephone number: international, or national with its context.",
    CreditCard "CREDIT_CARD" "CARD" "A payment card number.",
    Iban "IBAN_CODE" "IBAN" "An international bank account number.",
    IpAddress "IP_ADDRESS" "IP" "An IPv4 or IPv6 address.",
    MacAddress "MAC_ADDRESS" "MAC" "A hardware address.",
    Imei "IMEI" "IMEI" "The number of a mobile device.",
    Vin "VIN" "VIN" "The number of a vehicle.",
    Crypto "CRYPTO" "WALLET" "The address of a cryptocurrency wallet.",
    Person "PERSON" "NAME" "A person's name, by its context.",
    Location "LOCATION" "ADDRESS" "A postal address, by its context.",
    DateOfBirth "DATE_OF_BIRTH" "BIRTH_DATE" "A date of birth, by its context.",
    Passport "PASSPORT" "PASSPORT" "A passport number of a country without a kind of its own.",
    UsSsn "US_SSN" "SSN" "US social security number.",
    UsItin "US_ITIN" "ITIN" "US individual taxpayer number.",
    UsMbi "US_MBI" "MBI" "US Medicare beneficiary identifier.",
    UsPassport "US_PASSPORT" "PASSPORT" "US passport number.",
    UsDriverLicense "US_DRIVER_LICENSE" "DRIVER_LICENSE" "US driver's licence number.",
    UsBankAccount "US_BANK_ACCOUNT" "BANK_ACCOUNT" "Account number of a bank without IBAN.",
    UsBankRouting "US_BANK_ROUTING" "BANK_ROUTING" "US bank routing (ABA) number.",
    UkNino "UK_NINO" "NINO" "UK national insurance number.",
    UkNhs "UK_NHS" "NHS" "UK NHS number.",
    CaSin "CA_SIN" "SIN" "Canadian social insurance number.",
    AuTfn "AU_TFN" "TFN" "Australian tax file number.",
    AuMedicare "AU_MEDICARE" "MEDICARE" "Australian Medicare number.",
    AuAbn "AU_ABN" "ABN" "Australian business number.",
    InAadhaar "IN_AADHAAR" "AADHAAR" "Indian Aadhaar number.",
    InPan "IN_PAN" "PAN" "Indian permanent account number.",
    BrCpf "BR_CPF" "CPF" "Brazilian person's tax number.",
    BrCnpj "BR_CNPJ" "CNPJ" "Brazilian company's tax number.",
    EsNif "ES_NIF" "NIF" "Spanish identity card number.",
    EsNie "ES_NIE" "NIE" "Spanish foreigner's number.",
    FrNir "FR_NIR" "NIR" "French social security number.",
    DeTaxId "DE_TAX_ID" "TAX_ID" "German tax identification number.",
    DePassport "DE_PASSPORT" "PASSPORT" "German passport or identity card number.",
    ItFiscalCode "IT_FISCAL_CODE" "FISCAL_CODE" "Italian fiscal code.",
    PlPesel "PL_PESEL" "PESEL" "Polish PESEL.",
    NlBsn "NL_BSN" "BSN" "Dutch citizen service number.",
    SePersonnummer "SE_PERSONNUMMER" "PERSONNUMMER" "Swedish personal number.",
    DkCpr "DK_CPR" "CPR" "Danish CPR number.",
    FiHetu "FI_HETU" "HETU" "Finnish personal identity code.",
    NoFnr "NO_FNR" "FNR" "Norwegian birth number.",
    BeNn "BE_NN" "NATIONAL_NUMBER" "Belgian national number.",
    ChAhv "CH_AHV" "AHV" "Swiss AHV number.",
    CzRc "CZ_RC" "BIRTH_NUMBER" "Czech or Slovak birth number.",
    PtNif "PT_NIF" "NIF" "Portuguese tax number.",
    RoCnp "RO_CNP" "CNP" "Romanian personal numerical code.",
    IePps "IE_PPS" "PPS" "Irish personal public service number.",
    HrOib "HR_OIB" "OIB" "Croatian personal identification number.",
    BgEgn "BG_EGN" "EGN" "Bulgarian citizen number.",
    EeIk "EE_IK" "ISIKUKOOD" "Estonian or Lithuanian personal code.",
    AtSvnr "AT_SVNR" "SVNR" "Austrian social insurance number.",
    TrNationalId "TR_NATIONAL_ID" "TCKN" "Turkish identity number.",
    IlIdnr "IL_IDNR" "TEUDAT_ZEHUT" "Israeli identity number.",
    ZaIdNumber "ZA_ID_NUMBER" "ID_NUMBER" "South African identity number.",
    RuSnils "RU_SNILS" "SNILS" "Russian insurance account number.",
    RuInn "RU_INN" "INN" "Russian taxpayer number.",
    SgNricFin "SG_NRIC_FIN" "NRIC" "Singapore NRIC or FIN.",
    KrRrn "KR_RRN" "RRN" "Korean resident registration number.",
    JpMyNumber "JP_MY_NUMBER" "MY_NUMBER" "Japanese individual number.",
    CnRic "CN_RIC" "RESIDENT_ID" "Chinese resident identity number.",
    TwId "TW_ID" "NATIONAL_ID" "Taiwanese identity number.",
    HkId "HK_ID" "HKID" "Hong Kong identity card number.",
    MyNric "MY_NRIC" "MYKAD" "Malaysian identity card number.",
    ThTnin "TH_TNIN" "NATIONAL_ID" "Thai national identity number.",
    MxCurp "MX_CURP" "CURP" "Mexican population registry code.",
    ClRut "CL_RUT" "RUT" "Chilean tax number.",
    ArCuit "AR_CUIT" "CUIT" "Argentine tax number.",
    SecretAwsAccessKey "SECRET_AWS_ACCESS_KEY" "AWS_ACCESS_KEY" "AWS access key id.",
    SecretAwsSecret "SECRET_AWS_SECRET" "AWS_SECRET" "AWS secret access key, by its context.",
    SecretDbUrl "SECRET_DB_URL" "URL_WITH_PASSWORD" "A URL with a user and a password in it.",
    SecretGithub "SECRET_GITHUB" "GITHUB_TOKEN" "GitHub token.",
    SecretGitlab "SECRET_GITLAB" "GITLAB_TOKEN" "GitLab token.",
    SecretGoogle "SECRET_GOOGLE" "GOOGLE_API_KEY" "Google API key.",
    SecretHuggingface "SECRET_HUGGINGFACE" "HUGGINGFACE_TOKEN" "Hugging Face token.",
    SecretJwt "SECRET_JWT" "JWT" "JSON Web Token.",
    SecretNpm "SECRET_NPM" "NPM_TOKEN" "npm token.",
    SecretOpenai "SECRET_OPENAI" "OPENAI_API_KEY" "OpenAI API key.",
    SecretAnthropic "SECRET_ANTHROPIC" "ANTHROPIC_API_KEY" "Anthropic API key.",
    SecretPassword "SECRET_PASSWORD" "PASSWORD" "A password, by its context.",
    SecretPrivateKey "SECRET_PRIVATE_KEY" "PRIVATE_KEY" "A private key in PEM.",
    SecretPypi "SECRET_PYPI" "PYPI_TOKEN" "PyPI token.",
    SecretSendgrid "SECRET_SENDGRID" "SENDGRID_API_KEY" "SendGrid API key.",
    SecretSlack "SECRET_SLACK" "SLACK_TOKEN" "Slack token.",
    SecretSlackWebhook "SECRET_SLACK_WEBHOOK" "SLACK_WEBHOOK" "Slack webhook URL.",
    SecretStripe "SECRET_STRIPE" "STRIPE_KEY" "Stripe secret or restricted key.",
    SecretTwilio "SECRET_TWILIO" "TWILIO_KEY" "Twilio API key.",
    SecretApiKey "SECRET_API_KEY" "API_KEY" "A key of another vendor, or one told by its context.",
    DataUri "DATA_URI" "DATA_URI" "A data URI: any content at all, so off unless asked for.",
}

impl Kind {
    /// How many slots tables over kinds have.
    pub const SLOTS: usize = 128;

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it is a credential.
    #[must_use]
    pub fn is_secret(self) -> bool {
        self.name().starts_with("SECRET_")
    }

    /// Whether single values of it may be let through: not of credentials, nor of what has no greatest length.
    #[must_use]
    pub fn has_values(self) -> bool {
        !self.is_secret() && self != Kind::DataUri
    }

    /// Whether it has no fixed form, so that only its context tells it: its error rates are of another order.
    #[must_use]
    pub fn by_context_only(self) -> bool {
        matches!(
            self,
            Kind::Person | Kind::Location | Kind::DateOfBirth | Kind::SecretPassword
        )
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(pub(crate) u128);

impl Kinds {
    pub(crate) const NONE: Kinds = Kinds(0);

    pub(crate) fn of(kinds: &[Kind]) -> Kinds {
        Kinds(kinds.iter().fold(0, |all, kind| all | 1 << kind.slot()))
    }

    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 >> kind.slot() & 1 == 1
    }

    pub(crate) fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub(crate) fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_slot() {
        for (n, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(kind.slot(), n);
            assert_eq!(Kind::named(kind.name()), Some(*kind));
        }
        assert!(Kind::ALL.len() <= FIRST_CUSTOM);
        assert_eq!(Kind::Custom(15).slot(), 127);
    }
}
