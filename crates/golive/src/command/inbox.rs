//! E3: `golive inbox`: conversations that wait for a person.
//!
//! Never: lets text of a user's steer the terminal.

use std::io::Read;
use std::path::Path;

use golive_gateway::conversations::desk::ANSWER_MAX;
use golive_gateway::socket::Ask;
use serde_json::Value;

use crate::cli::{Format, Inbox};
use crate::exit::{self, Exit};
use crate::output::{self, cell, plain, time};

pub async fn run(command: Inbox, config: &Path) -> Exit {
    let (ask, format, print): (Ask, Format, fn(&Value)) = match command {
        Inbox::List { all, limit, format } => (Ask::InboxList { all, limit }, format, list),
        Inbox::Show { ticket, format } => (Ask::InboxShow { ticket }, format, show),
        Inbox::Answer {
            ticket,
            text,
            by,
            format,
        } => {
            let text = match text.map_or_else(from_stdin, Ok) {
                Ok(text) => text,
                Err(why) => {
                    output::error(&format!("cannot read the answer from stdin: {why}"));
                    return exit::USAGE;
                }
            };
            let by = whom(by);
            (Ask::InboxAnswer { ticket, text, by }, format, line)
        }
        Inbox::Snooze {
            ticket,
            lasts,
            by,
            format,
        } => match golive_checklist::unit::parse_duration(&lasts) {
            Ok(lasts) => {
                let (for_s, by) = (lasts.as_secs(), whom(by));
                (Ask::InboxSnooze { ticket, for_s, by }, format, line)
            }
            Err(error) => {
                output::error(&format!("--for: {error}"));
                return exit::USAGE;
            }
        },
        Inbox::Resolve {
            ticket,
            note,
            by,
            format,
        } => {
            let by = whom(by);
            (Ask::InboxResolve { ticket, note, by }, format, line)
        }
    };
    match super::ask(config, ask).await {
        Ok(answer) => {
            match format {
                Format::Json => output::json(&answer),
                Format::Text => print(&answer),
            }
            exit::OK
        }
        Err(code) => code,
    }
}

/// Who is at the keyboard, for the ticket: whoever can open the socket could say anything here.
fn whom(by: Option<String>) -> String {
    let user = || std::env::var("USER").ok().filter(|name| !name.is_empty());
    let name = by.or_else(user).unwrap_or_else(|| "operator".to_owned());
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("cli/{name}")
}

fn from_stdin() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(ANSWER_MAX as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn list(answer: &Value) {
    let rows = answer["tickets"].as_array().into_iter().flatten().map(|ticket| {
        let state = match ticket["overdue"] == true {
            true => format!("{} (overdue)", cell(ticket, "state")),
            false => cell(ticket, "state"),
        };
        vec![
            cell(ticket, "id"),
            cell(ticket, "agent"),
            cell(ticket, "reason"),
            cell(ticket, "priority"),
            state,
            time(ticket, "waiting_since_us"),
            cell(ticket, "assigned_to"),
        ]
    });
    output::table(
        &[
            "ticket",
            "agent",
            "reason",
            "priority",
            "state",
            "waits since (UTC)",
            "with",
        ],
        rows.collect(),
        "nobody waits",
    );
    let events = &answer["webhook_events"];
    if events["waiting"].as_u64().unwrap_or(0) > 0 || events["given_up"].as_u64().unwrap_or(0) > 0 {
        output::say(&format!(
            "events for webhooks: {} wait, {} were given up",
            events["waiting"], events["given_up"]
        ));
    }
}

fn show(ticket: &Value) {
    for (name, key) in [
        ("ticket", "id"),
        ("conversation", "conversation"),
        ("agent", "agent"),
        ("reason", "reason"),
        ("priority", "priority"),
        ("state", "state"),
        ("with", "assigned_to"),
        ("principal", "principal"),
        ("user", "user_hash"),
        ("request", "request"),
        ("trace", "trace_id"),
    ] {
        output::data(&format!("{name:<14} {}", plain(&cell(ticket, key))));
    }
    for (name, key) in [
        ("opened (UTC)", "opened_us"),
        ("waits since", "waiting_since_us"),
        ("due", "due_us"),
        ("put off until", "snoozed_until_us"),
        ("resolved", "resolved_us"),
    ] {
        output::data(&format!("{name:<14} {}", time(ticket, key)));
    }
    output::data(&format!("\n{}", plain(&cell(ticket, "summary"))));
    output::data("\nBefore (personal data taken out):");
    for one in ticket["transcript"].as_array().into_iter().flatten() {
        output::data(&format!(
            "  {:<9} {}",
            plain(&cell(one, "author")),
            plain(&cell(one, "text"))
        ));
    }
    output::data("\nSince:");
    for one in ticket["messages"].as_array().into_iter().flatten() {
        let who = match one["by"].as_str() {
            Some(by) => format!("{} ({by})", cell(one, "author")),
            None => cell(one, "author"),
        };
        output::data(&format!(
            "  {} {}: {}",
            time(one, "at_us"),
            plain(&who),
            plain(&cell(one, "text"))
        ));
    }
}

fn line(ticket: &Value) {
    output::data(&format!("{} is {}", cell(ticket, "id"), cell(ticket, "state")));
}
