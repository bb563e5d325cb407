//! P3, E4: plans that stay on a link until its retries are spent.

use super::*;

#[test]
fn retry_first_stays_on_a_link_until_its_retries_are_spent() {
    let retry = RetryPolicy {
        patience: Patience::RetryFirst,
        ..exact()
    };
    let mut plan = Plan::new(chain(&[MODEL; 2], retry.clone()), at(120));
    let (attempts, end) = played(&mut World::of(2), &mut plan, at(0), |_, _| Some((DOWN, None)));
    assert_eq!(
        attempts,
        [
            (0, 0),
            (1000, 0),
            (3000, 0),
            (7000, 0),
            (7000, 1),
            (8000, 1),
            (10_000, 1),
            (14_000, 1)
        ]
    );
    assert_eq!(end.unwrap().why, Why::RoundsSpent);

    let mut plan = Plan::new(chain(&[MODEL; 2], retry.clone()), at(120));
    let (attempts, _) = played(&mut World::of(2), &mut plan, at(0), |link, now| match link {
        0 if now < at(1) => Some((DOWN, None)),
        0 => Some((status(401), None)),
        _ => Some((DOWN, None)),
    });
    assert_eq!(
        attempts,
        [(0, 0), (1000, 0), (1000, 1), (2000, 1), (4000, 1), (8000, 1)],
        "what no retry heals moves on at once, and the next link has all its retries"
    );

    let mut plan = Plan::new(chain(&[MODEL; 2], retry.clone()), at(10));
    let (attempts, end) = played(&mut World::of(2), &mut plan, at(0), |link, _| match link {
        0 => Some((status(429), Some(s(60)))),
        _ => Some((status(400), None)),
    });
    assert_eq!(
        attempts,
        [(0, 0), (0, 1)],
        "a hint beyond the deadline is a reason to go on"
    );
    assert_eq!(end.unwrap().why, Why::Ended);

    let mut plan = Plan::new(chain(&[MODEL], retry), at(2));
    let (_, end) = played(&mut World::of(1), &mut plan, at(0), |_, _| Some((DOWN, None)));
    assert_eq!(end.unwrap().why, Why::Deadline);
}

#[test]
fn retry_first_leaves_a_link_whose_breaker_opens() {
    let retry = RetryPolicy {
        patience: Patience::RetryFirst,
        ..exact()
    };
    let mut world = World::of(2);
    for _ in 0..2 {
        let mut plan = Plan::new(chain(&[MODEL], retry.clone()), at(1));
        played(&mut world, &mut plan, at(0), |_, _| Some((DOWN, None)));
    }
    let mut plan = Plan::new(chain(&[MODEL; 2], retry), at(120));
    let (attempts, _) = played(&mut world, &mut plan, at(0), |link, _| {
        (link == 0).then_some((DOWN, None))
    });
    assert_eq!(
        attempts,
        [(0, 0), (1000, 0), (3000, 0), (3000, 1)],
        "two failures stood against it"
    );
}
