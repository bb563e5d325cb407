//! The table of items itself.

use std::collections::BTreeSet;

use golive_checklist::{
    DecidedBy, ITEMS, ItemId, Phase,
    item::{item, part, parts},
};

#[test]
fn the_table_has_25_items_in_five_phases_and_six_before_launch() {
    let per_phase = Phase::ALL.map(|phase| ITEMS.iter().filter(|item| item.phase == phase).count());
    assert_eq!(per_phase, [8, 6, 5, 4, 2, 6]);
    assert_eq!(ITEMS.iter().filter(|item| item.phase.gates_check()).count(), 25);
}

#[test]
fn the_table_is_in_the_order_of_the_ids_and_each_id_finds_its_row() {
    assert_eq!(ITEMS.len(), ItemId::ALL.len());
    for (row, id) in ITEMS.iter().zip(ItemId::ALL) {
        assert_eq!(row.id, *id);
        assert_eq!(item(*id), row);
    }
    assert!(ItemId::ALL.is_sorted());
    assert!(ITEMS.is_sorted_by_key(|item| item.phase));
}

#[test]
fn every_part_has_its_own_id_under_its_own_item() {
    let ids: BTreeSet<_> = parts().map(|part| part.id).collect();
    assert_eq!(ids.len(), parts().count());
    for item in ITEMS {
        assert!(!item.parts.is_empty(), "{} has no part", item.id);
        for spec in item.parts {
            assert_eq!(spec.item, item.id);
            assert!(
                spec.id.starts_with(&format!("{}.", item.id)),
                "{} stands under {}",
                spec.id,
                item.id
            );
            assert_eq!(part(spec.id), Some(spec));
        }
    }
    assert_eq!(part("S2.nothing"), None);
    assert_eq!(part("S2"), None);
}

#[test]
fn every_item_says_what_and_why_in_a_sentence_of_its_own() {
    let whys: BTreeSet<_> = ITEMS.iter().map(|item| item.why).collect();
    assert_eq!(whys.len(), ITEMS.len());
    for item in ITEMS {
        assert!(
            item.why.ends_with('.') && item.why.len() > 40 && item.why.len() < 200,
            "{}: {}",
            item.id,
            item.why
        );
        assert!(!item.title.ends_with('.'));
        assert!(
            item.parts
                .iter()
                .all(|part| !part.title.is_empty() && !part.title.ends_with('.'))
        );
    }
}

#[test]
fn the_parts_that_only_a_person_can_decide_are_these() {
    let persons: Vec<_> = parts()
        .filter(|part| part.decided_by == DecidedBy::Person)
        .map(|part| part.id)
        .collect();
    assert_eq!(
        persons,
        [
            "S1.storage",
            "S6.completeness",
            "S7.custody",
            "P6.approval",
            "E1.tone",
            "E3.staffing",
            "M3.pager",
            "M4.usefulness",
            "R1.irreversible",
            "L2.walkthrough",
            "L3.quality",
            "L4.known_issues",
            "L4.contacts",
            "L4.faq",
            "L5.team",
            "L6.signature",
        ]
    );
}

#[test]
fn the_parts_that_scripts_and_reports_already_name_keep_their_ids() {
    for id in [
        "M1.healthy",
        "M1.refused",
        "M1.hung",
        "M1.healed",
        "M1.quiet",
        "S5.keys",
        "S5.revocation",
        "S5.tokens",
        "S5.certificates",
        "S2.user",
        "S2.isolation",
        "S2.headers",
        "S2.spoofing",
        "S2.global",
        "S3.structure",
        "S3.bounds",
        "S3.valid",
        "P2.first_byte",
        "P2.idle",
        "P2.total",
        "P2.cancel",
        "P2.queue",
        "M2.requests",
        "M2.latency",
        "M2.tokens",
        "M2.cost",
        "L1.smoke",
        "P1.simple",
        "P1.complex",
        "P1.errors",
        "P1.recovery",
        "S7.versions",
        "S7.suites",
        "S7.key",
        "S7.trust",
        "S7.name",
        "S7.hsts",
        "S7.plain_port",
        "S7.rest",
        "S7.custody",
        "P6.approval",
        "E3.staffing",
    ] {
        assert!(part(id).is_some(), "{id} is gone");
    }
}

#[test]
fn ids_and_phases_are_read_as_people_type_them_and_refused_with_a_list() {
    for id in ItemId::ALL {
        assert_eq!(id.as_str().parse(), Ok(*id));
        assert_eq!(id.as_str().to_lowercase().parse(), Ok(*id));
        assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
        assert_eq!(serde_json::from_value::<ItemId>(id.as_str().into()).unwrap(), *id);
    }
    assert_eq!(
        "X9".parse::<ItemId>().unwrap_err().to_string(),
        "`X9` is not an item; items are S1 to S8, P1 to P6, E1 to E5, M1 to M4, R1, R2 and L1 to L6"
    );
    for phase in Phase::ALL {
        assert_eq!(phase.slug().parse(), Ok(phase));
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.slug());
        assert!(!phase.title().is_empty());
    }
    assert_eq!("Before-Launch".parse(), Ok(Phase::BeforeLaunch));
    assert_eq!("3".parse(), Ok(Phase::Errors));
    assert!(
        "6".parse::<Phase>()
            .unwrap_err()
            .to_string()
            .contains("security, performance, errors")
    );
}
