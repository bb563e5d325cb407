//! E3: what users are told, in their language where golive has it, and in the operator's own words where there are any.

use golive_checklist::unit::format_duration;
use golive_config::Escalation;
use golive_resilience::Tick;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A person takes over, by language.
const HANDED: &[(&str, &str)] = &[
    (
        "en",
        "A person takes over from here and will answer you in this conversation.",
    ),
    (
        "de",
        "Ein Mensch übernimmt ab hier und antwortet Ihnen in dieser Unterhaltung.",
    ),
    (
        "fr",
        "Une personne prend le relais et vous répondra dans cette conversation.",
    ),
    (
        "es",
        "Una persona se hace cargo a partir de aquí y le responderá en esta conversación.",
    ),
    (
        "pt",
        "Uma pessoa assume a partir daqui e vai responder nesta conversa.",
    ),
    (
        "it",
        "Da qui prosegue una persona, che le risponderà in questa conversazione.",
    ),
    (
        "nl",
        "Een medewerker neemt het vanaf hier over en antwoordt u in dit gesprek.",
    ),
    (
        "sv",
        "En människa tar över härifrån och svarar dig i den här konversationen.",
    ),
    (
        "pl",
        "Od tego miejsca rozmowę przejmuje człowiek, który odpowie tutaj.",
    ),
    ("ru", "Дальше разговор ведёт человек и ответит вам здесь."),
    ("uk", "Далі розмову веде людина і відповість вам тут."),
    (
        "tr",
        "Buradan itibaren bir insan devralıyor ve size bu konuşmada yanıt verecek.",
    ),
    ("zh", "接下来由人工为您服务，并会在此对话中回复您。"),
    ("ja", "ここからは担当者が引き継ぎ、この会話でお返事します。"),
    ("ko", "지금부터 상담원이 이어받아 이 대화에서 답변해 드립니다."),
    ("ar", "سيتولى شخص المحادثة من هنا وسيجيبك فيها."),
    ("hi", "यहाँ से एक व्यक्ति संभालेगा और इसी बातचीत में आपको उत्तर देगा।"),
    ("th", "จากนี้เจ้าหน้าที่จะดูแลต่อและตอบคุณในการสนทนานี้"),
];

/// A person takes over; outside of the hours it is said when somebody will be there.
pub(super) fn handed(settings: &Escalation, language: Option<&str>, now: Tick) -> String {
    if let Some(opens) = opens(settings, now) {
        let words = settings.message_closed.as_deref().unwrap_or(
            "A person will take over, but nobody is here right now. Somebody will answer you in this conversation from {opens} on.",
        );
        return words.replace("{opens}", &opens);
    }
    if let Some(own) = &settings.message {
        return own.clone();
    }
    let known = |code: &str| HANDED.iter().find(|(language, _)| *language == code);
    let primary = language.and_then(|tag| tag.split('-').next());
    let words = primary.and_then(known).map_or(HANDED[0].1, |(_, words)| words);
    let is_english = words == HANDED[0].1;
    match is_english {
        true => format!(
            "{words} We aim to do so within {}.",
            format_duration(settings.policy.answer_within)
        ),
        false => words.to_owned(),
    }
}

/// A message was passed on to the person who has the conversation.
pub(super) fn waiting(settings: &Escalation) -> String {
    let own = settings.message_waiting.as_deref();
    own.unwrap_or(
        "Your message was passed on to the person who has this conversation. The answer comes here.",
    )
    .to_owned()
}

/// Nobody answered in time.
pub(super) fn overdue(settings: &Escalation) -> String {
    let own = settings.message_overdue.as_deref();
    own.unwrap_or("Nobody has been free so far. You are not forgotten: we will write to you here.")
        .to_owned()
}

/// The conversation is the agent's again.
pub(super) fn returned() -> String {
    "This conversation is with the assistant again.".to_owned()
}

/// When somebody will be there, in words; `None`: somebody is.
fn opens(settings: &Escalation, now: Tick) -> Option<String> {
    if settings.hours.always() {
        return None;
    }
    // The configuration has read it before.
    let zone = golive_config::read_time_zone(&settings.time_zone).unwrap_or(TimeZone::UTC);
    let here = Timestamp::from_microsecond(i64::try_from(now.0).ok()?)
        .ok()?
        .to_zoned_datetime(zone);
    let day = u32::try_from(here.weekday().to_monday_zero_offset()).ok()?;
    let minute = u32::from(here.hour().unsigned_abs()) * 60 + u32::from(here.minute().unsigned_abs());
    let wait = settings.hours.wait(day, minute);
    if wait == 0 {
        return None;
    }
    let then = here
        .checked_add(jiff::Span::new().minutes(i64::from(wait)))
        .ok()?;
    Some(then.strftime("%A, %H:%M (%Z)").to_string())
}

#[cfg(test)]
mod tests {
    use golive_resilience::escalation::hours::Hours;

    use super::*;

    /// 2026-11-26, a Thursday, at noon UTC.
    const NOON: Tick = Tick(1_795_694_400_000_000);

    #[test]
    fn outside_of_the_hours_it_is_said_when_somebody_will_be_there() {
        let mut settings = Escalation {
            hours: Hours::parse(&["Mon-Fri 09:00-12:30"]).unwrap(),
            ..Escalation::default()
        };
        assert_eq!(opens(&settings, NOON), None);
        assert!(handed(&settings, Some("de-AT"), NOON).contains("übernimmt"));
        settings.time_zone = "CET-1CEST,M3.5.0,M10.5.0/3".into();
        let told = handed(&settings, Some("de"), NOON);
        assert!(told.contains("Friday, 09:00 (CET)"), "{told}");
        settings.message_closed = Some("back {opens}".into());
        assert_eq!(handed(&settings, None, NOON), "back Friday, 09:00 (CET)");
    }

    #[test]
    fn the_operators_own_words_are_told_in_any_language() {
        let own = Escalation {
            message: Some("Hold on.".into()),
            ..Escalation::default()
        };
        assert_eq!(handed(&own, Some("fr"), NOON), "Hold on.");
        let preset = Escalation::default();
        assert!(handed(&preset, Some("xx"), NOON).ends_with("within 15m."));
    }
}
