//! E3: a conversation goes to a person and comes back, through the real gateway: by words, by failures, by confidence,
//! over a limit, over a kill, and to a receiver that is not always there.

mod desk;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::caller::{self, Ask};
use crate::gate::{Format, Setup};
use crate::world::eventually;

const SECRET: &str = "what-only-the-desk-and-golive-know";
const AGENT: &str = "[agents.support]\nchain = [\"openai/lab-model\"]\n";

use desk::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_person_gets_one_the_agent_is_silent_and_comes_back_when_it_is_resolved() {
    let (gate, desk) = with_desk("").await;
    let first = chat(&gate, "c-1", "hello").send().await;
    assert_eq!((first.status, is_escalated(&first)), (200, false));
    assert_eq!(first.header("golive-conversation"), "c-1");
    let asked = chat(
        &gate,
        "c-1",
        "I want to talk to a human, my card is 4111 1111 1111 1111",
    )
    .send()
    .await;
    assert!(is_escalated(&asked), "{}", asked.text());
    assert!(
        asked.said(Format::OpenAi).contains("A person takes over"),
        "{}",
        asked.text()
    );
    assert_eq!(gate.arrived("talk to a human"), 0, "the agent is not asked");

    let event = desk.one().await;
    let body: Value = serde_json::from_str(&event.body).expect("JSON");
    assert_eq!(body["type"], "conversation.handoff");
    assert_eq!(
        (&body["reason"]["code"], &body["conversation_id"]),
        (&json!("user_asked"), &json!("c-1"))
    );
    assert_eq!(body["agent"], "agent/support");
    for key in [
        "id",
        "occurred_at",
        "ticket_id",
        "release",
        "summary",
        "waiting_since",
        "sla_due_at",
        "trace_id",
    ] {
        assert!(body[key].is_string(), "{key}: {body}");
    }
    let last = body["transcript"]["messages"]
        .as_array()
        .and_then(|all| all.last())
        .expect("messages");
    assert_eq!(last["author"], "user");
    assert!(
        !event.body.contains("4111"),
        "personal data stays here: {}",
        event.body
    );
    assert!(body["flat"].to_string().len() <= 4096);
    assert_eq!(
        event.headers["golive-event-id"],
        body["id"].as_str().expect("an id")
    );
    let signature = &event.headers["golive-signature"];
    let (time, tag) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .expect("a signature");
    let tag: Vec<u8> = (0..tag.len() / 2)
        .map(|i| u8::from_str_radix(&tag[2 * i..2 * i + 2], 16).expect("hex"))
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::verify(&key, format!("{time}.{}", event.body).as_bytes(), &tag).expect("signed by golive");

    // The person's now: what is said waits, in streams and in whole answers alike.
    let more = chat(&gate, "c-1", "are you there?").stream().send().await;
    assert!(
        is_escalated(&more) && more.text().contains("[DONE]"),
        "{}",
        more.text()
    );
    assert_eq!(gate.arrived("are you there?"), 0);
    let ticket = only_ticket(&gate).await;
    let shown = inbox(&gate, &["show", &ticket]).await;
    let said: Vec<&str> = shown["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|m| m["text"].as_str())
        .collect();
    assert!(said.contains(&"are you there?"), "{said:?}");
    inbox(&gate, &["answer", &ticket, "Yes. How can I help?", "--by", "ada"]).await;
    let polled = poll(&gate, "c-1").await;
    assert_eq!(
        (&polled["held_by"], &polled["state"]),
        (&json!("person"), &json!("assigned"))
    );
    let last = polled["messages"]
        .as_array()
        .and_then(|all| all.last())
        .expect("messages");
    assert_eq!(
        (&last["author"], &last["text"]),
        (&json!("operator"), &json!("Yes. How can I help?"))
    );
    assert!(
        !polled.to_string().contains("ada"),
        "who answers is not for the user"
    );
    let after = last["number"].as_u64().expect("a number");
    let none = gate
        .get(&format!("/v1/conversations/c-1?after={after}"))
        .await
        .json();
    assert_eq!(none["messages"], json!([]));

    inbox(&gate, &["resolve", &ticket, "--note", "Glad to help."]).await;
    let back = chat(&gate, "c-1", "thanks, one more thing").send().await;
    assert!(!is_escalated(&back), "{}", back.text());
    assert_eq!(gate.arrived("one more thing"), 1, "the agent is asked again");
    assert_eq!(desk.taken().len(), 1, "one event for one hand-off");
    let again = gate.command(&["inbox", "answer", &ticket, "late"]).await;
    assert_eq!(again.code, 1, "{}", again.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_failure_hands_over_once_however_many_come_at_the_same_time() {
    let (gate, desk) = with_desk("").await;
    for format in [Format::OpenAi, Format::OpenAi] {
        let failed = chat(&gate, "c-2", "where is it?")
            .fault("status-500")
            .send()
            .await;
        assert_eq!(
            failed.header("golive-degraded"),
            "unavailable",
            "{}",
            failed.text()
        );
        assert!(!is_escalated(&failed), "{format:?}");
    }
    let retried = chat(&gate, "c-2", "where is it?")
        .fault("status-500")
        .header("x-stainless-retry-count", "1")
        .send()
        .await;
    assert!(
        !is_escalated(&retried),
        "an SDK's own retry is no attempt of the user's"
    );
    let mut together = tokio::task::JoinSet::new();
    for _ in 0..8 {
        together.spawn(chat(&gate, "c-2", "where is it?").fault("status-500").send());
    }
    let mut told = 0;
    while let Some(answer) = together.join_next().await {
        told += usize::from(is_escalated(&answer.expect("an answer")));
    }
    assert_eq!(told, 8, "each is told");
    desk.one().await;
    let ticket = inbox(&gate, &["show", &only_ticket(&gate).await]).await;
    assert_eq!(
        (&ticket["reason"], &ticket["attempts"]),
        (&json!("failed_attempts"), &json!(3))
    );
    assert!(
        ticket["summary"]
            .as_str()
            .expect("a summary")
            .contains("where is it?"),
        "{ticket}"
    );
    chat(&gate, "c-2", "hello?").send().await;
    assert_eq!(desk.tried(), 1);
    gate.metric_is(
        "golive_escalations_total{callee=\"agent/support\",reason=\"failed_attempts\"}",
        1.0,
    )
    .await;
    // The row tells the failure that it was.
    let rows = gate.rows().await;
    assert!(
        rows.iter()
            .any(|row| row["outcome"] == "error:upstream_error" && row["status"] == 200),
        "{rows:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_format_the_user_is_told_in_its_own_words_and_near_misses_are_not() {
    let gate = Setup::default()
        .with("[agents.claude-desk]\nchain = [\"anthropic/lab-model\"]\n")
        .with(AGENT)
        .start()
        .await;
    let ask = |format: Format, id: &str, words: &str| {
        let ask = gate.call(format).saying(words).header("golive-conversation", id);
        match format {
            Format::OpenAi => ask.with("model", "support"),
            Format::Anthropic => ask.with("model", "claude-desk"),
            Format::Agent => ask,
        }
    };
    for (number, format) in Format::ALL.into_iter().enumerate() {
        for miss in [
            "I don't want to talk to a human",
            "it was a human error",
            "a representative sample, please",
        ] {
            let answer = ask(format, &format!("near-{number}"), miss).send().await;
            assert!(!is_escalated(&answer), "{format:?} {miss}: {}", answer.text());
        }
        let whole = ask(
            format,
            &format!("whole-{number}"),
            "Ich möchte mit einem Menschen sprechen",
        )
        .send()
        .await;
        assert!(
            is_escalated(&whole) && whole.said(format).contains("Mensch übernimmt"),
            "{format:?}: {}",
            whole.text()
        );
        let stream = ask(format, &format!("stream-{number}"), "get me a human")
            .stream()
            .send()
            .await;
        assert!(is_escalated(&stream) && stream.whole, "{format:?}");
        let end = match format {
            Format::OpenAi => "[DONE]",
            Format::Anthropic => "message_stop",
            Format::Agent => "\"delta\"",
        };
        assert!(
            stream.text().contains(end) && stream.text().contains("A person takes over"),
            "{format:?}: {}",
            stream.text()
        );
    }
    let tool = json!([{"role": "user", "content": "what does it say?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "talk to a human"}]);
    let read = ask(Format::OpenAi, "tool", "x")
        .with("messages", tool)
        .send()
        .await;
    assert!(!is_escalated(&read), "{}", read.text());
    // A model is no agent: nobody talks to it.
    let model = gate
        .chat()
        .header("golive-conversation", "m")
        .saying("talk to a human")
        .send()
        .await;
    assert!(!is_escalated(&model) && model.header("golive-conversation").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_principals_conversation_is_not_there_and_another_users_neither() {
    let gate = Setup::default().with(AGENT).start().await;
    let other = gate
        .command(&["keys", "create", "other"])
        .await
        .good()
        .trim()
        .to_owned();
    let app = gate
        .command(&["keys", "create", "app", "--may-assert-users"])
        .await
        .good()
        .trim()
        .to_owned();
    chat(&gate, "mine", "talk to a human").send().await;
    let http = caller::http();
    let url = format!("{}/v1/conversations/mine", gate.url);
    let stranger = caller::get(&http, &url, Some(&other)).await;
    stranger.is_error(Format::Agent, 404, "conversation_not_found");
    assert_eq!(gate.get("/v1/conversations/mine").await.status, 200);
    gate.get("/v1/conversations/none")
        .await
        .is_error(Format::Agent, 404, "conversation_not_found");
    // Without a header: known by the person and what he first said.
    let ask = |user: &str| {
        let messages = json!([{"role": "user", "content": "hello there"}, {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": "talk to a human"}]);
        gate.chat()
            .key(&app)
            .with("model", "support")
            .with("messages", messages)
            .header("golive-user", user)
    };
    let ada = ask("ada").send().await;
    let name = ada.header("golive-conversation").to_owned();
    assert!(is_escalated(&ada) && name.starts_with("conv_"), "{name}");
    let begun = gate
        .chat()
        .key(&app)
        .with("model", "support")
        .saying("hello there")
        .header("golive-user", "ada");
    assert!(
        is_escalated(&begun.send().await),
        "the same conversation, by its first words"
    );
    let get = |user: &'static str| {
        let ask = Ask::new(&http, &gate.url, Format::Agent)
            .key(&app)
            .method(http::Method::GET);
        ask.path(&format!("/v1/conversations/{name}"))
            .raw("")
            .header("golive-user", user)
    };
    assert_eq!(get("ada").send().await.status, 200);
    get("bob")
        .send()
        .await
        .is_error(Format::Agent, 404, "conversation_not_found");
    let bob = ask("bob").only_header("golive-conversation", &name).send().await;
    bob.is_error(Format::OpenAi, 404, "conversation_not_found");
    let nobody = gate
        .chat()
        .with("model", "support")
        .saying("talk to a human")
        .send()
        .await;
    assert!(
        !is_escalated(&nobody),
        "without a person and a name there is no conversation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_a_receiver_that_is_down_and_over_a_kill_and_comes_once() {
    let (mut gate, desk) = with_desk("").await;
    desk.answers(503);
    let asked = chat(&gate, "c-3", "talk to a human").send().await;
    assert!(is_escalated(&asked));
    eventually("a first try", async || (desk.tried() >= 1).then_some(())).await;
    gate.kill().await;
    desk.answers(200);
    gate.start_again().await;
    let event = desk.one().await;
    let body: Value = serde_json::from_str(&event.body).expect("JSON");
    assert_eq!(body["conversation_id"], "c-3");
    let again = chat(&gate, "c-3", "anybody?").send().await;
    assert!(is_escalated(&again), "it is still the person's: {}", again.text());
    let ticket = only_ticket(&gate).await;
    assert_eq!(body["ticket_id"], ticket.as_str());
    eventually("nothing waits any more", async || {
        let listed = inbox(&gate, &["list"]).await;
        (listed["webhook_events"]["waiting"] == 0).then_some(())
    })
    .await;
    assert_eq!(desk.taken().len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_failures_forgets_none_of_them() {
    let mut gate = Setup::default().with(AGENT).start().await;
    for _ in 0..2 {
        chat(&gate, "c-4", "hello?").fault("status-500").send().await;
    }
    gate.kill().await;
    gate.start_again().await;
    let third = chat(&gate, "c-4", "hello?").fault("status-500").send().await;
    assert!(is_escalated(&third), "{}", third.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_heard_over_a_limit_and_nothing_else_is_and_not_for_ever() {
    let gate = Setup::default()
        .with(AGENT)
        .with("[limits]\nuser = \"2/h\"\nglobal = \"off\"\n[escalation]\nover_limit = \"2/h\"\n")
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(chat(&gate, "c-5", "hello").send().await.status, 200);
    }
    chat(&gate, "c-5", "hello")
        .send()
        .await
        .is_error(Format::OpenAi, 429, "rate_limit_exceeded");
    let heard = chat(&gate, "c-5", "talk to a human").send().await;
    assert!(is_escalated(&heard), "{}", heard.text());
    let spent = chat(&gate, "c-6", "talk to a human").send().await;
    spent.is_error(Format::OpenAi, 429, "rate_limit_exceeded");
    assert_eq!(gate.arrived("talk to a human"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_sure_enough_goes_to_a_person_and_one_that_is_does_not() {
    // The lab's agents tell no confidence; an index of nought and a count of more than one stand in for it.
    let agent = |name: &str, pointer: &str| {
        format!(
            "[agents.{name}]\nchain = [\"openai/lab-model\"]\nescalation.confidence_pointer = \"{pointer}\"\n"
        )
    };
    let gate = Setup::default()
        .with(&agent("unsure", "/choices/0/index"))
        .with(&agent("silent", "/choices/0/confidence"))
        .with(&agent("odd", "/created"))
        .start()
        .await;
    let ask = |agent: &str| {
        gate.chat()
            .with("model", agent)
            .header("golive-conversation", agent)
            .send()
    };
    let unsure = ask("unsure").await;
    assert!(
        is_escalated(&unsure) && unsure.said(Format::OpenAi).contains("A person"),
        "{}",
        unsure.text()
    );
    let ticket = inbox(&gate, &["show", &only_ticket(&gate).await]).await;
    assert_eq!(
        (&ticket["reason"], &ticket["confidence"]),
        (&json!("low_confidence"), &json!(0))
    );
    for agent in ["silent", "odd"] {
        assert!(!is_escalated(&ask(agent).await), "{agent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbs_down_is_a_failed_attempt_and_an_operator_hears_of_it_over_the_admin_api() {
    let gate = Setup::default()
        .with(AGENT)
        .with("[admin]\nlisten = \"127.0.0.1:0\"\n[escalation]\nattempts = 2\n")
        .start()
        .await;
    let admin = eventually("the admin listener's line", async || {
        let log = gate.log();
        let (_, rest) = log.split_once("operators: ")?;
        let (url, _) = rest.split_once("/admin")?;
        Some(url.to_owned())
    })
    .await;
    let feedback = |body: Value| {
        gate.call(Format::Agent)
            .path("/v1/feedback")
            .raw(body.to_string())
    };
    chat(&gate, "c-8", "hello").send().await;
    let up = feedback(json!({"conversation": "c-8", "rating": "up"}))
        .send()
        .await;
    assert_eq!(up.json()["escalated"], false);
    assert_eq!(
        feedback(json!({"conversation": "c-8", "stars": 1}))
            .send()
            .await
            .json()["escalated"],
        false
    );
    assert_eq!(
        feedback(json!({"conversation": "c-8", "rating": "down"}))
            .send()
            .await
            .json()["escalated"],
        true
    );
    feedback(json!({"conversation": "c-8", "rating": "meh"}))
        .send()
        .await
        .is_error(Format::Agent, 400, "bad_feedback");
    feedback(json!({"conversation": "x", "rating": "up"}))
        .send()
        .await
        .is_error(Format::Agent, 404, "conversation_not_found");

    let operator = gate
        .command(&["keys", "create", "op", "--role", "operator"])
        .await
        .good()
        .trim()
        .to_owned();
    let at = |method: http::Method, path: &str| {
        Ask::new(&caller::http(), &admin, Format::Agent)
            .key(&operator)
            .method(method)
            .path(path)
            .raw("")
    };
    let listed = at(http::Method::GET, "/admin/tickets").send().await.json();
    let ticket = listed["tickets"][0]["id"].as_str().expect("a ticket").to_owned();
    let answered = at(http::Method::POST, &format!("/admin/tickets/{ticket}/answer"))
        .raw(json!({"text": "What went wrong?"}).to_string())
        .send()
        .await;
    assert_eq!(answered.json()["state"], "assigned", "{}", answered.text());
    let mut events = gate
        .call(Format::Agent)
        .method(http::Method::GET)
        .path("/v1/conversations/c-8/events")
        .raw("")
        .open()
        .await;
    events.until("What went wrong?").await;
    events.until("event: state").await;
    let snoozed = at(http::Method::POST, &format!("/admin/tickets/{ticket}/snooze"))
        .raw("{\"for_s\":60}")
        .send()
        .await;
    assert_eq!(snoozed.json()["state"], "snoozed", "{}", snoozed.text());
    events.until("snoozed").await;
    let resolved = at(http::Method::POST, &format!("/admin/tickets/{ticket}/resolve"))
        .raw("{}")
        .send()
        .await;
    assert_eq!(resolved.json()["state"], "resolved", "{}", resolved.text());
    events.until("with the assistant again").await;
    drop(events);
    assert_eq!(
        at(http::Method::GET, "/admin/tickets").send().await.json()["tickets"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_in_time_and_nobody_for_long_are_both_told() {
    let (gate, desk) = with_desk(
        "[escalation]\nanswer_within = \"1s\"\nidle = \"3s\"\nmessage_overdue = \"Still looking.\"\n",
    )
    .await;
    chat(&gate, "c-9", "talk to a human").send().await;
    eventually("the overdue message", async || {
        poll(&gate, "c-9")
            .await
            .to_string()
            .contains("Still looking.")
            .then_some(())
    })
    .await;
    eventually("two events", async || {
        let kinds: Vec<String> = desk.taken().iter().map(|event| event.body.clone()).collect();
        kinds
            .iter()
            .any(|body| body.contains("conversation.overdue"))
            .then_some(())
    })
    .await;
    eventually("the agent has it again", async || {
        (poll(&gate, "c-9").await["held_by"] == "agent").then_some(())
    })
    .await;
    assert!(!is_escalated(&chat(&gate, "c-9", "hello").send().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_for_escalation_is_told_by_config_check() {
    let gate = Setup::default().with(AGENT).start().await;
    let said = gate.command(&["config", "check"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("no webhook is told") && said.err.contains("golive-conversation"),
        "{}",
        said.err
    );
    let good = gate.config();
    for (toml, words) in [
        ("[escalation]\nhours = [\"Mon-Fri 9-17\"]", "09:00-17:00"),
        ("[escalation]\ntime_zone = \"Mars/Olympus\"", "time zone"),
        (
            "[webhooks.x]\nkind = \"generic\"\nurl = \"https://desk.example/x\"",
            "secret_env",
        ),
        ("[webhooks.x]\nkind = \"slack\"", "url_env"),
        ("[escalation]\nwebhooks = [\"nobody\"]", "nobody"),
        (
            "[webhooks.x]\nkind = \"slack\"\nurl = \"http://127.0.0.1:9/x\"",
            "private_addresses",
        ),
        ("[models.plain.escalation]\nenabled = true", "escalation"),
    ] {
        gate.rewrite_config(&format!("{good}\n{toml}\n"));
        let said = gate.command(&["config", "check"]).await;
        assert_eq!(said.code, 2, "{toml}: {}", said.err);
        assert!(said.err.contains(words), "{toml}: {}", said.err);
    }
}
