//! E3: tickets, conversations and events, also over a kill and a rotation of the keys.

use golive_store::{
    Author, ConversationRecord, NewEvent, NewMessage, Pace, Retention, Store, Ticket, TicketFilter, UserHash,
    Uuid,
};

use crate::world::World;

const SECRET_WORDS: &str = "my order never came";

fn conversation(key: u8) -> ConversationRecord {
    ConversationRecord {
        key: [key; 16],
        name: "chat with Ada".into(),
        principal: "key_1".into(),
        user_hash: Some(UserHash([7; 16])),
        agent: "agent/support".into(),
        state: "offered".into(),
        since_us: Some(10),
        until_us: Some(20),
        active_us: 10,
        failures_us: vec![1, 2, 3],
        ticket: None,
        changed_us: 10,
    }
}

fn ticket(key: u8, id: u128) -> Ticket {
    Ticket {
        id: Uuid::from_u128(id),
        key: [key; 16],
        conversation: "chat with Ada".into(),
        agent: "agent/support".into(),
        release: Some("abc".into()),
        principal: "key_1".into(),
        user_hash: Some(UserHash([7; 16])),
        reason: "failed_attempts".into(),
        attempts: 3,
        confidence: None,
        state: "offered".into(),
        priority: "normal".into(),
        opened_us: 10,
        waiting_since_us: Some(10),
        due_us: Some(20),
        first_answer_us: None,
        snoozed_until_us: None,
        assigned_to: None,
        resolved_us: None,
        resolved_by: None,
        request: Uuid::from_u128(99),
        trace_id: None,
        summary: Some(SECRET_WORDS.into()),
        transcript: Some(format!("[{{\"text\":\"{SECRET_WORDS}\"}}]")),
    }
}

fn message(id: u128, author: Author, words: &str) -> NewMessage {
    NewMessage {
        id: Uuid::from_u128(id),
        at_us: 11,
        author,
        by: None,
        words: words.into(),
    }
}

fn event(id: u128, webhook: &str) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(id),
        event: Uuid::from_u128(500),
        webhook: webhook.into(),
        at_us: 10,
        body: format!("{{\"summary\":\"{SECRET_WORDS}\"}}"),
    }
}

async fn open(store: &Store, key: u8, id: u128) -> bool {
    let one = ticket(key, id);
    let conversation = ConversationRecord {
        ticket: Some(one.id),
        ..conversation(key)
    };
    let told = message(id + 1000, Author::System, "a person takes over");
    let events = [event(id + 2000, "desk"), event(id + 3000, "slack")];
    store
        .open_ticket(&conversation, &one, &told, &events)
        .await
        .unwrap()
}

#[tokio::test]
async fn of_one_conversation_one_ticket_is_open_and_its_events_go_with_it() {
    let world = World::new();
    let store = world.open().await.store;
    assert!(open(&store, 1, 1).await);
    assert!(!open(&store, 1, 2).await, "one is open already");
    let listed = store.tickets(TicketFilter::default()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id, listed[0].summary.as_deref()),
        (Uuid::from_u128(1), None)
    );
    let whole = store.ticket(Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(whole, ticket(1, 1));
    let due = store.due_events(10, 10).await.unwrap();
    let to: Vec<_> = due.iter().map(|one| one.webhook.as_str()).collect();
    assert_eq!(to, ["desk", "slack"], "of the first alone");
    assert!(store.due_events(9, 10).await.unwrap().is_empty());
    let said = store.messages([1; 16], 0, 10).await.unwrap();
    assert_eq!(said.len(), 1);
    let kept = store.conversation([1; 16]).await.unwrap().unwrap();
    assert_eq!(
        kept.ticket,
        Some(Uuid::from_u128(1)),
        "the second did not take it over"
    );
    // Another conversation's event of the same id and webhook stands once.
    assert!(open(&store, 2, 5).await);
    assert_eq!(store.due_events(10, 10).await.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn what_is_said_is_numbered_and_a_resolved_ticket_takes_nothing_more() {
    let world = World::new();
    let store = world.open().await.store;
    open(&store, 1, 1).await;
    let mut one = ticket(1, 1);
    one.state = "assigned".into();
    one.assigned_to = Some("key_op".into());
    one.waiting_since_us = None;
    let mut its = ConversationRecord {
        ticket: Some(one.id),
        state: "assigned".into(),
        ..conversation(1)
    };
    let answer = message(3, Author::Operator, "it is on its way");
    assert!(store.change_ticket(&its, &one, Some(&answer), &[]).await.unwrap());
    assert!(
        store.change_ticket(&its, &one, Some(&answer), &[]).await.unwrap(),
        "said again"
    );
    let said = store.messages([1; 16], 0, 10).await.unwrap();
    assert_eq!(said.iter().map(|m| m.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        store.messages([1; 16], 1, 10).await.unwrap()[0].text,
        "it is on its way"
    );
    one.state = "resolved".into();
    one.resolved_us = Some(50);
    (its.ticket, its.state) = (None, "bot".into());
    let last = message(4, Author::System, "the agent is back");
    assert!(store.change_ticket(&its, &one, Some(&last), &[]).await.unwrap());
    let late = message(5, Author::Operator, "one more thing");
    assert!(
        !store
            .change_ticket(&its, &one, Some(&late), &[event(9, "late")])
            .await
            .unwrap()
    );
    assert_eq!(store.messages([1; 16], 0, 10).await.unwrap().len(), 3);
    assert!(store.tickets(TicketFilter::default()).await.unwrap().is_empty());
    let all = TicketFilter {
        resolved: true,
        limit: 0,
    };
    assert_eq!(store.tickets(all).await.unwrap().len(), 1);
    assert!(open(&store, 1, 7).await, "and a new one may be opened");
    store.close().await;
}

#[tokio::test]
async fn events_wait_over_a_restart_until_they_are_taken_or_given_up() {
    let world = World::new();
    let store = world.open().await.store;
    open(&store, 1, 1).await;
    let due = store.due_events(10, 10).await.unwrap();
    store
        .event_failed(due[0].id, "connection refused", 5000)
        .await
        .unwrap();
    store.event_delivered(due[1].id, 11).await.unwrap();
    store
        .event_failed(due[1].id, "too late to fail", 12)
        .await
        .unwrap();
    store.close().await;
    drop(store);
    let store = world.open().await.store;
    assert_eq!(store.next_event_us().await.unwrap(), Some(5000));
    assert!(store.due_events(4999, 10).await.unwrap().is_empty());
    let again = store.due_events(5000, 10).await.unwrap();
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    assert_eq!(again[0].body, event(0, "").body);
    store
        .give_up_event(again[0].id, "for days nobody was there", 6000)
        .await
        .unwrap();
    assert_eq!(store.events_waiting().await.unwrap(), (0, 1));
    assert_eq!(
        store.conversations().await.unwrap().len(),
        1,
        "its state is there too"
    );
    store.close().await;
}

#[tokio::test]
async fn nothing_that_was_said_stands_in_the_file_in_clear_and_a_rotation_seals_all_of_it_anew() {
    let world = World::new();
    let store = world.open().await.store;
    open(&store, 1, 1).await;
    let before = store.seal_status().await.unwrap();
    let content = |status: &golive_store::SealStatus, state: &str| {
        let key = status
            .keys
            .iter()
            .find(|key| key.purpose == "content" && key.state == state);
        key.and_then(|key| key.values)
    };
    // A name, a summary, a transcript, a message and two events.
    assert_eq!(content(&before, "seals"), Some(6));
    let rotated = store.rotate_data_keys(Pace::Full, 100).await.unwrap();
    assert_eq!(rotated.unreadable, 0);
    let after = store.seal_status().await.unwrap();
    assert_eq!(content(&after, "seals"), Some(6));
    assert_eq!(content(&after, "retired"), Some(0));
    assert_eq!(
        store.ticket(Uuid::from_u128(1)).await.unwrap().unwrap(),
        ticket(1, 1)
    );
    assert_eq!(
        store.messages([1; 16], 0, 10).await.unwrap()[0].text,
        "a person takes over"
    );
    store.close().await;
    drop(store);
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for words in [SECRET_WORDS, "chat with Ada", "a person takes over"] {
            assert!(
                !bytes.windows(words.len()).any(|at| at == words.as_bytes()),
                "{words}"
            );
        }
    }
}

#[tokio::test]
async fn a_resolved_ticket_ages_out_with_all_that_was_said_and_an_open_one_stays() {
    let world = World::new();
    let store = world.open().await.store;
    open(&store, 1, 1).await;
    open(&store, 2, 2).await;
    let mut one = ticket(1, 1);
    one.resolved_us = Some(50);
    let its = ConversationRecord {
        state: "bot".into(),
        ..conversation(1)
    };
    assert!(store.change_ticket(&its, &one, None, &[]).await.unwrap());
    for due in store.due_events(10, 10).await.unwrap() {
        store.event_delivered(due.id, 11).await.unwrap();
    }
    let later = 200 * 24 * 3600 * 1_000_000;
    let done = store.retain(Retention::default(), later).await.unwrap();
    assert_eq!(done.tickets_deleted, 1);
    assert!(store.messages([1; 16], 0, 10).await.unwrap().is_empty());
    assert_eq!(store.messages([2; 16], 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.conversation([1; 16]).await.unwrap(), None);
    assert!(store.ticket(Uuid::from_u128(2)).await.unwrap().is_some());
    store.close().await;
}
