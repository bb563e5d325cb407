//! Keys and releases as records.

use golive_store::{ApiKey, KeyError, LedgerFilter, NewKey, Store};
use secrecy::ExposeSecret as _;

use crate::world::{World, row};

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.into(),
        roles: vec!["user".into(), "with \"quotes\"".into()],
        team: Some("shop".into()),
        agents: vec!["*".into()],
        models: vec![],
        may_assert_users: true,
        expires_at_us: Some(9_000),
        source: "cli".into(),
    }
}

#[tokio::test]
async fn a_key_is_shown_once_listed_without_its_text_and_refused_after_its_revocation() {
    let world = World::new();
    let store = world.open().await.store;
    let (record, text) = store.create_key(new_key("shop"), 1000).await.unwrap();
    assert_eq!(ApiKey::parse(text.expose_secret()), Ok(record.hash));
    assert!(text.expose_secret().starts_with(&record.prefix) && record.prefix.len() == 12);
    assert!(record.id.starts_with("key_"));
    assert_eq!(store.list_keys().await.unwrap(), std::slice::from_ref(&record));
    assert!(record.is_live(8_999) && !record.is_live(9_000));

    let revoked = store.revoke_key("shop", 2000).await.unwrap();
    assert_eq!(revoked.revoked_at_us, Some(2000));
    assert!(!revoked.is_live(2001));
    assert_eq!(
        store.revoke_key(&record.id, 3000).await.unwrap().revoked_at_us,
        Some(2000),
        "the first time stands"
    );
    store.close().await;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let secret = &text.expose_secret().as_bytes()[12..];
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret),
            "the key's text stands on disk"
        );
    }
}

#[tokio::test]
async fn a_name_is_taken_only_while_its_key_lives() {
    let world = World::new();
    let store = world.open().await.store;
    let (first, _) = store.create_key(new_key("shop"), 1).await.unwrap();
    assert!(matches!(
        store.create_key(new_key("shop"), 2).await,
        Err(KeyError::NameTaken(_))
    ));
    store.revoke_key("shop", 3).await.unwrap();
    let (second, _) = store.create_key(new_key("shop"), 4).await.unwrap();
    assert_eq!(store.revoke_key("shop", 5).await.unwrap().id, second.id);
    assert_eq!(store.list_keys().await.unwrap().len(), 2);
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn names_that_could_be_ids_or_break_a_line_are_refused_and_unknown_ones_said() {
    let world = World::new();
    let store = world.open().await.store;
    for name in ["", "key_abc", "a b", "a\nb", "ä", &"x".repeat(65)] {
        assert!(
            matches!(
                store.create_key(new_key(name), 1).await,
                Err(KeyError::BadName(_))
            ),
            "{name:?}"
        );
    }
    let error = store.revoke_key("nobody", 1).await.unwrap_err();
    assert!(error.to_string().contains("`nobody`"), "{error}");
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_at_the_latest_when_the_store_closes() {
    let world = World::new();
    let store = world.open().await.store;
    let (record, _) = store.create_key(new_key("shop"), 1).await.unwrap();
    for at in [50, 70, 60] {
        store.touch_key(&record.id, at);
    }
    store.close().await;
    let store = world.open().await.store;
    assert_eq!(store.list_keys().await.unwrap()[0].last_used_at_us, Some(70));
}

#[tokio::test]
async fn the_hash_of_a_user_is_the_same_after_a_restart_and_another_in_another_store() {
    let (world, other) = (World::new(), World::new());
    let store = world.open().await.store;
    let hash = store.user_hash("key_a", "ann");
    store.close().await;
    assert_eq!(world.open().await.store.user_hash("key_a", "ann"), hash);
    assert_ne!(other.open().await.store.user_hash("key_a", "ann"), hash);
    assert_eq!(hash.to_string().parse(), Ok(hash));
}

#[tokio::test]
async fn a_release_is_registered_once_numbered_and_active_unless_pinned() {
    let world = World::new();
    let store = world.open().await.store;
    let register = async |store: &Store, digest: &str, at| {
        store
            .register_release("agent/support", digest, "{}", at)
            .await
            .unwrap()
    };
    let first = register(&store, "aa", 1).await;
    assert!(first.newly && first.active && !first.pinned && first.number == 1);
    let again = register(&store, "aa", 2).await;
    assert!(!again.newly && again.number == 1 && again.registered_at_us == 1);
    let second = register(&store, "bb", 3).await;
    assert!(second.newly && second.active && second.number == 2);
    let back = register(&store, "aa", 4).await;
    assert!(
        !back.newly && back.active && back.number == 1,
        "the configuration went back to it"
    );
    assert_eq!(
        store
            .register_release("model/fast", "aa", "{}", 5)
            .await
            .unwrap()
            .number,
        1
    );
    let listed = store.releases("agent/support").await.unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|release| (release.number, release.active))
            .collect::<Vec<_>>(),
        [(1, true), (2, false)]
    );
    // Reads go on beside writes.
    store.writer().commit(row(1)).await.unwrap();
    assert_eq!(store.ledger(&LedgerFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pinned_agent_registers_and_does_not_activate() {
    use golive_store::backend::{Backend as _, Statement};
    let world = World::new();
    let (opened, backend) = world.open_flaky().await;
    let store = opened.store;
    store
        .register_release("agent/support", "aa", "{}", 1)
        .await
        .unwrap();
    backend
        .transact(&[Statement::new("UPDATE release_state SET pinned = 1", vec![])])
        .await
        .unwrap();
    let second = store
        .register_release("agent/support", "bb", "{}", 2)
        .await
        .unwrap();
    assert!(second.newly && !second.active && second.pinned);
    assert!(store.releases("agent/support").await.unwrap()[0].active);
}
