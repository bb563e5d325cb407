//! E4: load shared between equal links.

use super::*;

fn equals(weights: &[u32]) -> Arc<Chain> {
    let links = weights.iter().map(|&weight| Link {
        class: MODEL,
        rank: 0,
        weight,
    });
    Arc::new(Chain::new(links.collect(), exact()).unwrap())
}

/// How often each link is asked first in 10,000 requests.
fn shares(chain: &Arc<Chain>, world: &mut World) -> Vec<u32> {
    let mut counts = vec![0; chain.links().len()];
    let mut dice = dice(3);
    for _ in 0..10_000 {
        let mut plan = Plan::new(Arc::clone(chain), at(120));
        let Step::Attempt { link, permit, .. } = plan.next(world, &mut dice, at(0)) else {
            panic!("no attempt")
        };
        world.breakers[link].abandon(permit);
        counts[link] += 1;
    }
    counts
}

#[test]
fn equal_links_share_by_weight_and_a_slow_or_busy_one_gets_less() {
    let mut world = World::of(2);
    let even = shares(&equals(&[3, 1]), &mut world);
    assert!((7_300..7_700).contains(&even[0]), "{even:?}");

    world.loads[0].latency = s(2);
    world.loads[1].latency = s(1);
    let slow = shares(&equals(&[1, 1]), &mut world);
    assert!(
        (2_300..2_700).contains(&slow[0]),
        "a quarter still goes there, to see it heal: {slow:?}"
    );

    world.loads[1].in_flight = 4;
    let busy = shares(&equals(&[1, 1]), &mut world);
    assert!((7_300..7_700).contains(&busy[0]), "{busy:?}");
}

#[test]
fn when_an_equal_fails_the_others_are_asked_before_the_next_rank() {
    let mut links = vec![
        Link {
            class: MODEL,
            rank: 0,
            weight: 1
        };
        3
    ];
    links.push(Link {
        class: MODEL,
        rank: 1,
        weight: 100,
    });
    let chain = Arc::new(Chain::new(links, exact()).unwrap());
    let mut plan = Plan::new(chain, at(1));
    let (attempts, _) = played(&mut World::of(4), &mut plan, at(0), |_, _| Some((DOWN, None)));
    let mut order: Vec<usize> = attempts.into_iter().map(|(_, link)| link).collect();
    assert_eq!(order.pop(), Some(3));
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
}
