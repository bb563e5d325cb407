//! S3: places for connections: so many in all, so many per address.
//!
//! IPv6 peers are counted by their /64: one household, one place list.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    in_all: u32,
    per_address: u32,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(in_all: u32, per_address: u32) -> Arc<Self> {
        Arc::new(Self {
            in_all,
            per_address,
            taken: Mutex::default(),
        })
    }

    /// Takes a place, if there is one. A trusted proxy speaks for many and is bound by the total alone.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, of_a_proxy: bool) -> Option<Place> {
        let mut taken = self.lock();
        if taken.in_all >= self.in_all {
            return None;
        }
        let address = (!of_a_proxy).then(|| household(peer));
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.per_address {
                return None;
            }
            *of_address += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Some(Place {
            places: Arc::clone(self),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Counters cannot be left half-written.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.in_all -= 1;
        if let Some(address) = self.address
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places_and_gives_them_back() {
        let places = Places::new(3, 2);
        let a: IpAddr = "10.0.0.1".parse().unwrap();
        let first = places.take(a, false).unwrap();
        let _second = places.take(a, false).unwrap();
        assert!(places.take(a, false).is_none());
        let _other = places.take("10.0.0.2".parse().unwrap(), false).unwrap();
        assert!(
            places.take("10.0.0.3".parse().unwrap(), false).is_none(),
            "all places are taken"
        );
        drop(first);
        assert!(places.take(a, false).is_some());
    }

    #[test]
    fn a_household_shares_its_v6_places_and_a_proxy_has_no_share() {
        let places = Places::new(10, 1);
        let _one = places.take("2001:db8:1:2::1".parse().unwrap(), false).unwrap();
        assert!(
            places
                .take("2001:db8:1:2:ffff::9".parse().unwrap(), false)
                .is_none()
        );
        let proxy: IpAddr = "10.0.0.9".parse().unwrap();
        let _p1 = places.take(proxy, true).unwrap();
        let _p2 = places.take(proxy, true).unwrap();
    }
}
