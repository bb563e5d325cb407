//! E3: how people ask for a person, language by language. Words without their marks (`mochte` is möchte), as the text
//! they are compared with.

/// One language.
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    /// Words for humans: where none of them stands in a text, nothing else is looked at.
    pub(super) names: &'static str,
    /// Sets of words for the patterns.
    pub(super) words: &'static str,
    /// Wishes.
    pub(super) patterns: &'static str,
    /// Wishes that a negation belongs to.
    pub(super) despite: &'static str,
    /// What takes a wish back where it stands before it: negations, and in most languages others whose wish it is.
    pub(super) not: &'static str,
    /// Others whose wish it is, where a question of why or how takes nothing back: "how many customers ask …".
    pub(super) others: &'static str,
    /// What makes a negation a complaint.
    pub(super) lifted: &'static str,
    /// Phrases of writing without spaces, or with endings that no list holds.
    pub(super) joined: &'static [&'static str],
    /// What takes them back.
    pub(super) joined_not: &'static [&'static str],
}

const NONE: Language = Language {
    code: "",
    names: "",
    words: "",
    patterns: "",
    despite: "",
    not: "",
    others: "",
    lifted: "",
    joined: &[],
    joined_not: &[],
};

/// All of them.
pub(super) const LANGUAGES: &[Language] = &[
    Language {
        code: "en",
        names: "human person someone somebody agent representative operator advisor adviser colleague employee staff service support bot robot machine computer chatbot rep supervisor",
        words: "DET a|an|the|some|any|your|one_of_your|another|one_of_the
                ADJ real|live|actual|human|physical|proper|genuine|living|real_live|actual_human|real_human|support|service|customer_service|customer_support|customer
                WHO human|human_being|humans|person|agent|representative|rep|operator|advisor|adviser|colleague|employee|supervisor|specialist|member_of_staff|staff_member|staff|customer_service|customer_support|customer_care|support_team|support_staff|human_support|help_desk
                SURE human|human_being|real_person|live_person|actual_person|living_person|human_agent|live_agent|real_agent|support_agent|human_operator|live_operator|representative|human_representative|live_representative|real_human|live_human|actual_human|customer_service_representative|service_representative|member_of_staff
                AFTER resources|resource|rights|error|errors|body|nature|trafficking|genome|capital|language|history|sample|being_studied|readable|who_studied|evolution
                TALK talk|speak|chat|talking|speaking|chatting",
        patterns: "$TALK to|with $DET? $ADJ? $WHO !$AFTER
                   $TALK to|with someone|somebody !i|who|that|else|you|with|my
                   connect|transfer|put|pass|hand|forward|redirect|switch|patch me over? through? to|with $DET? $ADJ? $WHO !$AFTER
                   connect|transfer|put|pass me over? through? to|with someone|somebody
                   get|give|send|find|bring me $DET? $ADJ? $SURE !$AFTER
                   i want|need|demand|require|want_a|need_a $DET? $SURE !$AFTER
                   i_would|i'd like $DET $SURE !$AFTER
                   escalate this|it|me|my_case|my_issue? to $DET? $ADJ? $WHO !$AFTER
                   is_there|are_there $DET $ADJ? human|person|agent|representative i_can|who_can|that_can|available|there|here
                   can|could|may $DET $SURE help|call|contact|assist|answer|take
                   reach|contact|message $DET $SURE !$AFTER
                   take_me|bring_me to $DET $ADJ? $SURE
                   ^ $DET? $SURE please|now|pls? $
                   ^ agent|operator|human|representative|person please|now|pls? $
                   ^ please? real|live human|person|agent $",
        despite: "don't|dont|not|do_not want to talk|speak|chat to|with a|an|this|the|your|some bot|robot|machine|computer|chatbot|ai
                  tired|sick of talking|speaking|chatting to|with a|this|the bot|robot|machine|computer|chatbot",
        not: "don't dont not never without didn't doesn't won't wouldn't needn't rather_not no nobody",
        others: "they he she users customers people clients patients callers visitors write translate story essay poem",
        lifted: "why how",
        ..NONE
    },
    Language {
        code: "de",
        names: "mensch person mitarbeiter berater kundendienst kundenservice ansprechpartner jemand support sachbearbeiter kollege maschine roboter",
        words: "DET einem|einer|einen|eine|ein|dem|der|den|eurem|ihrem|ihren|ihrer
                ADJ echten|echter|echtem|richtigen|richtiger|realen|realer|menschlichen|wirklichen|lebenden
                WHO mensch|menschen|person|mitarbeiter|mitarbeiterin|mitarbeitenden|kundenberater|berater|beraterin|kundendienst|kundenservice|support|ansprechpartner|ansprechpartnerin|sachbearbeiter|kollegen|kollegin|jemandem|jemand_echtem",
        patterns: "mit $DET? $ADJ? $WHO *2 sprechen|reden|chatten|verbunden|verbinden|telefonieren|unterhalten|schreiben
                   sprechen|reden|chatten|unterhalten mit $DET? $ADJ? $WHO
                   verbinden|verbinde|verbindet sie? mich|mir bitte? mit $DET? $ADJ? $WHO
                   ich will|mochte|moechte|brauche|hatte_gern|hatte_gerne|verlange bitte? jetzt? $DET $ADJ? menschen|mitarbeiter|mitarbeiterin|ansprechpartner|berater|echte_person
                   gib|geben|hol|holen sie? mir bitte? $DET? $ADJ? menschen|mitarbeiter|mitarbeiterin|ansprechpartner|berater
                   zu $DET? $ADJ? menschen|mitarbeiter|berater|kundendienst|kundenservice durchstellen|weiterleiten|verbinden
                   an $DET? $ADJ? menschen|mitarbeiter|berater|kundendienst|kundenservice weiterleiten|ubergeben|eskalieren
                   ^ bitte? mensch|mitarbeiter|kundenservice|berater bitte? $
                   ^ echter|richtiger mensch bitte? $",
        despite: "nicht mit $DET? bot|roboter|maschine|computer|ki *1 sprechen|reden|chatten|schreiben",
        not: "nicht nie niemals kein keine keinen keinem ohne kunden nutzer leute sie er schreibe ubersetze",
        lifted: "warum wieso weshalb wie",
        ..NONE
    },
    Language {
        code: "fr",
        names: "humain personne conseiller conseillere agent operateur quelqu'un client",
        words: "DET un|une|le|la|l'|votre|vos|d'un|des
                ADJ vrai|vraie|veritable|reel|reelle|autre
                WHO humain|humaine|personne|personne_reelle|personne_humaine|etre_humain|conseiller|conseillere|agent|agent_humain|operateur|operatrice|quelqu'un|service_client|vrai_humain|conseiller_humain",
        patterns: "parler|discuter|echanger|communiquer a|avec|au $DET? $ADJ? $WHO
                   passez-moi|passez|passe|transferez|mettez|mets|connectez|redirigez moi? me? en_relation|en_contact? a|avec|vers|au? $DET? $ADJ? $WHO
                   je veux|voudrais|souhaite|demande $DET $ADJ? humain|conseiller|conseillere|agent_humain|vraie_personne|operateur|etre_humain
                   j'aimerais|j'exige $DET $ADJ? humain|conseiller|conseillere|agent_humain|operateur
                   ^ un|une? $ADJ? humain|conseiller|operateur|agent s'il? vous? plait? svp? $",
        despite: "pas parler a|avec un|une|ce robot|machine|bot|ordinateur",
        not: "ne n pas jamais sans clients utilisateurs gens ils traduis ecris",
        lifted: "pourquoi comment",
        ..NONE
    },
    Language {
        code: "es",
        names: "human persona agente operador representante asesor alguien ejecutivo cliente",
        words: "DET un|una|el|la|algun|alguna|su|otro|otra
                ADJ verdadero|verdadera|real|ser|agente
                WHO humano|humana|persona|persona_real|persona_de_verdad|ser_humano|agente|agente_humano|operador|operadora|representante|asesor|asesora|alguien|ejecutivo|servicio_al_cliente|atencion_al_cliente",
        patterns: "hablar|chatear|comunicarme|contactar|conversar|contactarme|conectarme con $DET? $ADJ? $WHO
                   hable|hablo con $DET $ADJ? humano|persona_real|agente
                   paseme|pasame|pasenme|comuniqueme|comunicame|conecteme|conectame|transfierame|transfiereme|transferirme|pongame|ponme a|con $DET? $ADJ? $WHO
                   quiero|necesito|quisiera|exijo $DET $ADJ? humano|agente|agente_humano|operador|representante|asesor|persona_real|ser_humano
                   ^ un|una? humano|agente|operador|representante|persona_real por_favor? $",
        despite: "no quiero hablar con un|una|este robot|bot|maquina|computadora",
        not: "no nunca sin jamas clientes usuarios ellos traduce escribe",
        lifted: "porque por_que como",
        ..NONE
    },
    Language {
        code: "pt",
        names: "human pessoa atendente alguem operador representante consultor",
        words: "DET um|uma|o|a|algum|alguma|outro
                ADJ verdadeiro|verdadeira|ser
                WHO humano|humana|pessoa|pessoa_real|pessoa_de_verdade|ser_humano|atendente|atendente_humano|alguem|operador|operadora|representante|agente|consultor",
        patterns: "falar|conversar|contatar com $DET? $ADJ? $WHO
                   transfira|transfere|transferir|passe|passa|passar|encaminhe|conecte|me_transfira|me_passe|me_passa me? para|com|a|ao $DET? $ADJ? $WHO
                   quero|preciso|gostaria_de|exijo $DET $ADJ? humano|atendente|operador|representante|pessoa_real|ser_humano
                   ^ um|uma? atendente|humano|operador|representante|pessoa_real por_favor? $",
        despite: "nao quero falar com um|uma|este robo|bot|maquina",
        not: "nao nunca sem jamais clientes usuarios eles traduza escreva",
        lifted: "porque como",
        ..NONE
    },
    Language {
        code: "it",
        names: "uman persona operatore operatrice qualcuno consulente addetto assistenza",
        words: "DET un|una|un'|il|la|l'|qualche|vostro
                ADJ vero|vera|reale|altro
                WHO umano|umana|persona|persona_vera|persona_reale|essere_umano|operatore|operatrice|operatore_umano|qualcuno|consulente|addetto|assistenza_clienti|servizio_clienti",
        patterns: "parlare|chattare|comunicare|discutere con $DET? $ADJ? $WHO
                   passami|passatemi|passi|passarmi|collegami|collegatemi|mettimi|trasferiscimi|mettetemi in_contatto? a|con|ad? $DET? $ADJ? $WHO
                   voglio|vorrei|desidero|esigo $DET $ADJ? operatore|operatrice|umano|essere_umano|persona_vera|persona_reale|operatore_umano
                   ^ un|una? operatore|umano|persona_vera|persona_reale per_favore? $",
        despite: "non voglio parlare con un|una|questo robot|bot|macchina",
        not: "non mai senza clienti utenti loro traduci scrivi",
        lifted: "perche come",
        ..NONE
    },
    Language {
        code: "nl",
        names: "mens persoon medewerker iemand klantenservice collega",
        words: "DET een|de|het|jullie|uw
                ADJ echt|echte|levend|menselijke|andere
                WHO mens|persoon|medewerker|medewerkster|iemand|klantenservice|collega|mens_van_vlees_en_bloed",
        patterns: "praten|spreken|chatten|bellen met $DET? $ADJ? $WHO
                   met $DET? $ADJ? $WHO *2 praten|spreken|chatten|verbonden|doorverbonden|verbinden
                   verbind|schakel me|mij door? met|naar $DET? $ADJ? $WHO
                   ik wil|wens|eis graag? $DET $ADJ? mens|medewerker|persoon
                   geef mij|me $DET $ADJ? mens|medewerker|persoon
                   ^ $DET? $ADJ? mens|medewerker|klantenservice graag|alsjeblieft|aub? $",
        despite: "niet met $DET? bot|robot|machine|computer *1 praten|spreken|chatten",
        not: "niet nooit geen zonder klanten gebruikers mensen vertaal schrijf",
        lifted: "waarom hoe",
        ..NONE
    },
    Language {
        code: "sv",
        names: "manniska person medarbetare handlaggare kundtjanst nagon",
        words: "DET en|ett|den|nagon|er|en_av_er
                ADJ riktig|verklig|akta|levande|mansklig
                WHO manniska|person|medarbetare|handlaggare|kundtjanst|nagon|handlaggare|kundservice",
        patterns: "prata|tala|chatta|snacka med $DET? $ADJ? $WHO
                   koppla|sla mig over? till $DET? $ADJ? $WHO
                   jag vill|onskar|behover ha? $DET $ADJ? manniska|medarbetare|handlaggare
                   ^ $DET? $ADJ? manniska|medarbetare|kundtjanst tack? $",
        despite: "inte prata med en|ett|denna robot|bot|maskin",
        not: "inte ej aldrig utan kunder anvandare oversatt skriv",
        lifted: "varfor hur",
        ..NONE
    },
    Language {
        code: "pl",
        names: "czlowiek konsultant pracownik kims osob doradc",
        words: "ADJ prawdziwym|prawdziwa|zywym|zywa|jakims
                WHO czlowiekiem|konsultantem|konsultantka|pracownikiem|kims|osoba|doradca|obsluga_klienta|biurem_obslugi",
        patterns: "porozmawiac|rozmawiac|pogadac|skontaktowac|rozmowe|polaczyc sie? z|ze $ADJ? $WHO
                   polacz|polaczcie|prosze_polaczyc|przelacz|przelaczcie mnie z|ze|do $ADJ? $WHO|konsultanta|pracownika
                   chce|potrzebuje|prosze_o|poprosze rozmowe_z? $ADJ? czlowiekiem|konsultanta|czlowieka|konsultantem
                   ^ konsultant|czlowiek|pracownik prosze? $",
        despite: "nie chce rozmawiac z botem|robotem|maszyna",
        not: "nie nigdy bez klienci uzytkownicy przetlumacz napisz",
        lifted: "dlaczego czemu jak",
        ..NONE
    },
    Language {
        code: "ru",
        names: "человек оператор сотрудник специалист консультант менеджер поддержк",
        words: "ADJ живым|реальным|настоящим|вашим|любым|живого|реального|настоящего|живои
                WHO человеком|оператором|сотрудником|специалистом|консультантом|менеджером|представителем|службои_поддержки|поддержкои
                WHOM человека|оператора|сотрудника|специалиста|консультанта|менеджера",
        patterns: "поговорить|говорить|пообщаться|общаться|связаться|разговаривать с|со $ADJ? $WHO
                   соедините|соедини|свяжите|свяжи меня? пожалуиста? с|со $ADJ? $WHO
                   переключите|переключи|переведите|переведи меня? на|к $ADJ? $WHOM|оператору|человеку|специалисту
                   позовите|позови|даите|дай|нужен|нужно|хочу|требую мне? $ADJ? $WHOM
                   нужен|нужна мне? живои|реальныи|настоящии? человек|оператор|специалист
                   ^ оператор|человек|оператора|живои_человек пожалуиста? $",
        despite: "не хочу говорить|общаться|разговаривать с роботом|ботом|машинои",
        not: "не никогда без клиенты пользователи люди переведи_текст напиши",
        lifted: "почему как",
        ..NONE
    },
    Language {
        code: "uk",
        names: "людин оператор співробітник спеціаліст консультант менеджер",
        words: "ADJ живою|реальною|справжньою|вашим|живим
                WHO людиною|оператором|співробітником|спеціалістом|консультантом|менеджером",
        patterns: "поговорити|говорити|поспілкуватися|спілкуватися|зв'язатися|розмовляти з|із|зі $ADJ? $WHO
                   з'єднаите|з'єднаи|зв'яжіть мене? з|із|зі $ADJ? $WHO
                   переключіть|переведіть мене? на|до $ADJ? оператора|людину|спеціаліста
                   покличте|даите|потрібен|потрібна|хочу мені? оператора|людину|жива_людина|оператор
                   ^ оператор|людина|жива_людина будь? ласка? $",
        despite: "",
        not: "не ніколи без клієнти користувачі переклади напиши",
        lifted: "чому як",
        ..NONE
    },
    Language {
        code: "tr",
        names: "insan temsilci kisi yetkili musteri operator",
        words: "WHO insanla|insan_ile|kisiyle|kisi_ile|temsilciyle|temsilci_ile|temsilcisiyle|temsilcisi_ile|yetkiliyle|yetkili_ile|biriyle|biri_ile|calisanla|operatorle
                DET bir|gercek|gercek_bir|canli|canli_bir|musteri",
        patterns: "$DET? $DET? $WHO konusmak|gorusmek|konusabilir|gorusebilir|konusayim|baglanmak !istemiyorum
                   $DET? temsilciye|temsilcisine|yetkiliye|insana|operatore bagla|baglayin|aktar|aktarin|baglanmak|bagla_beni !istemiyorum
                   ^ musteri? temsilcisi|temsilci|insan|operator lutfen? $",
        not: "degil musteriler kullanicilar cevir yaz",
        lifted: "neden nasil",
        ..NONE
    },
    Language {
        code: "zh",
        names: "人工 真人 客服 活人",
        joined: &[
            "转人工", "轉人工", "转接人工", "轉接人工", "人工客服", "真人客服", "找人工", "要人工", "人工服务", "人工服務",
            "和真人", "跟真人", "与真人", "與真人", "找真人", "要真人", "真人说话", "和人工", "跟人工", "找客服", "联系客服",
            "聯繫客服", "活人",
        ],
        joined_not: &[
            "不要转", "不要人工", "不想", "不用", "别转", "別轉", "无需", "無需", "不需要", "不找", "人工智能", "人工智慧",
        ],
        ..NONE
    },
    Language {
        code: "ja",
        names: "人間 人と 人に オペレーター 担当者 有人 スタッフ 係の",
        joined: &[
            "人と話したい", "人と話したいです", "人間と話したい", "人間と話させて", "人と話させて", "人と話せ", "人間に代わ",
            "人に代わ", "オペレーターにつな", "オペレーターに繋", "オペレーターと話", "オペレーターに代わ", "担当者と話",
            "担当者につな", "担当者に繋", "担当者に代わ", "有人対応", "有人チャット", "スタッフと話", "スタッフにつな",
            "スタッフに繋", "係の人と話",
        ],
        joined_not: &["たくない", "たくありません", "必要ない", "不要", "がないで"],
        ..NONE
    },
    Language {
        code: "ko",
        names: "상담원 상담사 사람 직원",
        joined: &[
            "상담원연결", "상담원과", "상담원바꿔", "상담원한테", "상담사연결", "상담사와", "사람과이야기", "사람과얘기",
            "사람과대화", "사람이랑이야기", "사람이랑얘기", "사람이랑대화", "사람하고이야기", "사람하고얘기", "직원과이야기",
            "직원과통화", "직원연결", "사람연결",
        ],
        joined_not: &["싶지않", "싫", "필요없", "하지마", "말고"],
        ..NONE
    },
    Language {
        code: "ar",
        names: "شخص موظف انسان ممثل بشري وكيل",
        joined: &[
            "التحدث مع شخص", "التحدث الى شخص", "اتحدث مع شخص", "اتحدث الى شخص", "التكلم مع شخص", "اتكلم مع شخص",
            "التحدث مع موظف", "التحدث الى موظف", "اتحدث مع موظف", "اتكلم مع موظف", "التحدث مع انسان", "التحدث الى انسان",
            "اتحدث مع انسان", "اتكلم مع انسان", "حولني الى موظف", "تحويلي الى موظف", "اريد موظف", "اريد انسان",
            "التحدث مع ممثل", "التحدث الى ممثل", "اتحدث الى ممثل", "ممثل خدمه العملاء", "وكيل بشري",
        ],
        joined_not: &["لا اريد", "لا ارغب", "لست بحاجه", "لا احتاج"],
        ..NONE
    },
    Language {
        code: "hi",
        names: "इंसान व्यक्ति एजेंट प्रतिनिधि आदमी अधिकारी insaan",
        joined: &[
            "इंसान से बात", "असली इंसान से", "व्यक्ति से बात", "एजेंट से बात", "प्रतिनिधि से बात", "आदमी से बात",
            "अधिकारी से बात", "एजेंट से जोड़", "इंसान से जोड़", "insaan se baat",
        ],
        joined_not: &["नहीं", "नही", "मत"],
        ..NONE
    },
    Language {
        code: "th",
        names: "คน เจ้าหน้าที่ พนักงาน",
        joined: &[
            "คุยกับคน", "คุยกับเจ้าหน้าที่", "คุยกับพนักงาน", "ติดต่อเจ้าหน้าที่", "พูดกับคน", "พูดกับเจ้าหน้าที่",
            "ต่อสายเจ้าหน้าที่",
        ],
        joined_not: &["ไม่อยาก", "ไม่ต้องการ", "ไม่ต้อง"],
        ..NONE
    },
];
