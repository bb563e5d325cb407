//! S2: the users of this proof: made-up people named by a key that may name them, or else one per key.
//!
//! Never: uses a person twice for two parts where people can be made up, for a used-up limit would look like a small
//! one.

use golive_config::Target;

use crate::ctx::Ctx;
use crate::target::{ASSERTING_ROLE, Ask, Call, Credential, USER_HEADER, default_role, live_roles};

/// Where users come from.
#[derive(Debug, Clone)]
pub(super) enum Crowd {
    /// The key of [`ASSERTING_ROLE`] names them: as many as wanted.
    Asserted {
        /// A role whose key may not name users, if there is one.
        plain: Option<String>,
    },
    /// Each role's key is one user.
    Keys(Vec<String>),
}

/// One user as the target sees it.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// For the report.
    pub(super) name: String,
    role: String,
    user: Option<String>,
}

impl Crowd {
    /// The users a target's credentials allow; `None` without any that works.
    pub(super) fn of(target: &Target) -> Option<Crowd> {
        let mut roles: Vec<String> = live_roles(target).map(str::to_owned).collect();
        // The default key served every other proof: used last, it has the least left.
        let default = default_role(target).map(str::to_owned);
        roles.sort_by_key(|role| Some(role) == default.as_ref());
        if roles.iter().any(|role| role == ASSERTING_ROLE) {
            let plain = roles.into_iter().find(|role| role != ASSERTING_ROLE);
            return Some(Crowd::Asserted { plain });
        }
        (!roles.is_empty()).then_some(Crowd::Keys(roles))
    }

    /// A user can be used up while another one asks.
    pub(super) fn has_two(&self) -> bool {
        match self {
            Crowd::Asserted { .. } => true,
            Crowd::Keys(roles) => roles.len() > 1,
        }
    }

    /// The user that is used up for `purpose`.
    pub(super) fn used_up(&self, ctx: &Ctx, purpose: &str) -> Person {
        self.person(ctx, purpose, 0)
    }

    /// Another user, who has asked nothing in this part yet.
    pub(super) fn another(&self, ctx: &Ctx, purpose: &str) -> Person {
        self.person(ctx, purpose, 1)
    }

    /// A key that may not name users, for trying to name some with it.
    pub(super) fn plain(&self) -> Option<Person> {
        let role = match self {
            Crowd::Asserted { plain } => plain.clone()?,
            Crowd::Keys(roles) => roles.first()?.clone(),
        };
        Some(Person {
            name: format!("the key of role {role}"),
            role,
            user: None,
        })
    }

    fn person(&self, ctx: &Ctx, purpose: &str, at: usize) -> Person {
        match self {
            Crowd::Asserted { .. } => {
                let user = ctx.user(&format!("{purpose}-{at}"));
                Person {
                    name: format!("user {user}"),
                    role: ASSERTING_ROLE.to_owned(),
                    user: Some(user),
                }
            }
            Crowd::Keys(roles) => {
                let role = roles[at.min(roles.len() - 1)].clone();
                Person {
                    name: format!("the key of role {role}"),
                    role,
                    user: None,
                }
            }
        }
    }
}

impl Person {
    /// The body names the user, so it cannot be used to name another one.
    pub(super) fn is_asserted(&self) -> bool {
        self.user.is_some()
    }

    /// A short question of this user, told from all others by `tag`.
    pub(super) fn call(&self, ctx: &Ctx, tag: &str) -> Call {
        let mut ask = Ask::new(format!("Say hello. {tag}"));
        ask.max_tokens = 16; // with a real model each of these is paid for
        ask.user.clone_from(&self.user);
        self.dressed(ctx, &ask)
    }

    /// The same question, with the body naming `user` although the key may not.
    pub(super) fn naming(&self, ctx: &Ctx, tag: &str, user: &str) -> Call {
        let mut ask = Ask::new(format!("Say hello. {tag}")).user(user);
        ask.max_tokens = 16;
        if ctx.target.format() == golive_config::TargetFormat::OpenAi {
            ask = ask.with("safety_identifier", user.into());
        }
        self.dressed(ctx, &ask).header(USER_HEADER, user)
    }

    fn dressed(&self, ctx: &Ctx, ask: &Ask) -> Call {
        let call = ctx
            .target
            .call(ask)
            .without_header(USER_HEADER)
            .credential(Credential::Role(self.role.clone()));
        match &self.user {
            Some(user) => call.header(USER_HEADER, user),
            None => call,
        }
    }
}
