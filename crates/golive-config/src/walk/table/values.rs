//! S1: values of more than one word: rates, amounts, addresses, lists.
//!
//! Never: takes a value that the reference does not describe.

use super::*;

impl Table<'_> {
    /// Outer `None`: not there; inner `None`: `"off"`.
    pub(crate) fn rate_or_off(&self, walk: &mut Walk<'_>, name: &str) -> Option<Option<Rate>> {
        let (key, text) = self.string(walk, name)?;
        if text.value == "off" {
            return Some(None);
        }
        self.parsed(walk, key, &text, text.value.parse()).map(Some)
    }

    /// One rate, or a list of them; empty: `"off"`. `None`: not there, or with a mistake in every one.
    pub(crate) fn rates_or_off(&self, walk: &mut Walk<'_>, name: &str) -> Option<Vec<At<Rate>>> {
        let (key, value, span) = self.get(walk, name)?;
        let Some(list) = value.as_array() else {
            let Some(text) = value.as_str().map(str::to_owned) else {
                self.wrong_type(walk, key, value, span);
                return None;
            };
            if text == "off" {
                return Some(Vec::new());
            }
            return self
                .rate(walk, key, At { value: text, span })
                .map(|one| vec![one]);
        };
        if list.is_empty() {
            let path = join(&self.path, key.name);
            walk.mistake(span, "bad_value", format!("`{path}` is an empty list"))
                .help(format!("write {} = \"off\" for no limit", key.name));
            return None;
        }
        let mut rates = Vec::with_capacity(list.len());
        for entry in list.iter() {
            let Some(text) = entry.get_ref().as_str().map(str::to_owned) else {
                self.wrong_type(walk, key, entry.get_ref(), entry.span());
                continue;
            };
            let at = At {
                value: text,
                span: entry.span(),
            };
            rates.extend(self.rate(walk, key, at));
        }
        Some(rates)
    }

    fn rate(&self, walk: &mut Walk<'_>, key: &Key, text: At<String>) -> Option<At<Rate>> {
        let value = self.parsed(walk, key, &text, text.value.parse())?;
        Some(At {
            value,
            span: text.span,
        })
    }

    /// An amount of money that is not negative.
    pub(crate) fn money(&self, walk: &mut Walk<'_>, name: &str) -> Option<At<MicroUsd>> {
        let (key, text) = self.string(walk, name)?;
        let value: MicroUsd = self.parsed(walk, key, &text, text.value.parse())?;
        if value.0 < 0 {
            let path = join(&self.path, key.name);
            walk.mistake(text.span, "out_of_range", format!("`{path}` is negative"));
            return None;
        }
        Some(At {
            value,
            span: text.span,
        })
    }

    /// Requests per second.
    pub(crate) fn load(&self, walk: &mut Walk<'_>, name: &str) -> Option<f64> {
        let (key, text) = self.string(walk, name)?;
        let rate: Rate = self.parsed(walk, key, &text, text.value.parse())?;
        Some(f64::from(rate.count.get()) / rate.period.as_secs_f64())
    }

    pub(crate) fn listen(&self, walk: &mut Walk<'_>, name: &str) -> Option<At<SocketAddr>> {
        let (key, text) = self.string(walk, name)?;
        let address = self.parsed(walk, key, &text, text.value.parse::<SocketAddr>())?;
        Some(At {
            value: address,
            span: text.span,
        })
    }

    pub(crate) fn url(&self, walk: &mut Walk<'_>, name: &str) -> Option<At<BaseUrl>> {
        let (key, text) = self.string(walk, name)?;
        match text.value.parse::<BaseUrl>() {
            Ok(value) => Some(At {
                value,
                span: text.span,
            }),
            Err(why) => {
                let code = if why == crate::NotABaseUrl::Credential {
                    "literal_secret"
                } else {
                    "bad_value"
                };
                walk.mistake(
                    text.span,
                    code,
                    format!("the address in `{}` {why}", join(&self.path, key.name)),
                )
                .help(format!(
                    "write {} = {}; a credential goes into `.env`",
                    key.name, key.example
                ));
                None
            }
        }
    }

    pub(crate) fn networks(&self, walk: &mut Walk<'_>, name: &str) -> Option<Vec<At<IpNet>>> {
        let key = self.key(name)?;
        let entries = self.names(walk, name)?;
        let mut networks = Vec::with_capacity(entries.len());
        for entry in entries {
            // A bare address is the range of that one address.
            let parsed = IpNet::from_str(&entry.value)
                .or_else(|why| entry.value.parse::<IpAddr>().map(IpNet::from).map_err(|_| why));
            if let Some(value) = self.parsed(walk, key, &entry, parsed) {
                networks.push(At {
                    value,
                    span: entry.span,
                });
            }
        }
        Some(networks)
    }
}
