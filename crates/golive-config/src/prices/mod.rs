//! P6: what models cost: the table that is shipped, the table that is imported, and what the configuration says.
//!
//! The configuration's own word comes first, then the imported table, then the shipped one. The last two are asked by
//! the provider that an upstream's address belongs to: a model's name alone proves no price, for a server of one's own
//! may call its model anything.
//!
//! Never: invents a price, or gives 0 for one that is not known.

mod import;
mod price;
mod provider;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use import::{ImportError, Imported, import};
pub use price::{Above, Counts, Part, Price, Rates};
pub use table::{PriceTable, TableError};

use crate::meant::{LinkRef, Upstream};

/// After so many days a price is to be looked up again.
pub const STALE_AFTER_DAYS: i64 = 90;

/// All prices of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// `[prices."UPSTREAM/MODEL"]` and `[prices."MODEL"]`.
    pub own: BTreeMap<String, Price>,
    /// `money.prices_file`.
    pub file: Option<Arc<PriceTable>>,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The configuration.
    Config,
    /// The imported table.
    File,
    /// The table that is shipped.
    Shipped,
}

impl Origin {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::File => "prices_file",
            Self::Shipped => "shipped",
        }
    }
}

/// A price that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'p> {
    /// The price.
    pub price: &'p Price,
    /// Where it stands.
    pub origin: Origin,
}

impl Prices {
    /// What a link costs; `None`: nobody knows.
    #[must_use]
    pub fn of(&self, link: &LinkRef) -> Option<Found<'_>> {
        self.of_model(&link.upstream, link.model.as_deref())
    }

    /// What a model of an upstream costs; without a model, what the upstream itself does.
    #[must_use]
    pub fn of_model(&self, upstream: &Upstream, model: Option<&str>) -> Option<Found<'_>> {
        let own = |name: &str| {
            self.own.get(name).map(|price| Found {
                price,
                origin: Origin::Config,
            })
        };
        let Some(model) = model else {
            return own(&upstream.name);
        };
        let found = own(&format!("{}/{model}", upstream.name)).or_else(|| own(model));
        if found.is_some() {
            return found;
        }
        let name = format!("{}/{model}", provider::of(upstream)?);
        let in_file = self.file.as_deref().and_then(|table| table.get(&name));
        let in_file = in_file.map(|price| Found {
            price,
            origin: Origin::File,
        });
        in_file.or_else(|| {
            PriceTable::shipped().get(&name).map(|price| Found {
                price,
                origin: Origin::Shipped,
            })
        })
    }

    /// A price of a table by its own name (`openai/gpt-4o`): the imported one's, else the shipped one's.
    #[must_use]
    pub fn of_table(&self, name: &str) -> Option<&Price> {
        let in_file = self.file.as_deref().and_then(|table| table.get(name));
        in_file.or_else(|| PriceTable::shipped().get(name))
    }

    /// Kind by kind the highest of all prices that are known, whoever's they are.
    #[must_use]
    pub fn dearest(&self) -> Price {
        let tables = [self.file.as_deref(), Some(PriceTable::shipped())];
        let all = tables.into_iter().flatten().flat_map(PriceTable::iter);
        let all = all.map(|(_, price)| price).chain(self.own.values());
        all.fold(Price::default(), |dearest, price| dearest.max(price))
    }
}

#[cfg(test)]
mod tests;
