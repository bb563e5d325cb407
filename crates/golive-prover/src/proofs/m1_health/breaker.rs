//! M1: how the dependency is broken and healed: by the lab on the provider's own port, or by the declared commands.
//!
//! Never: leaves it broken. Whoever breaks heals, also when the run is interrupted.

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_lab::ListenerState;
use golive_lab::client::LabClient;

use crate::ctx::Ctx;

/// In which way it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Refuse,
    Hang,
}

impl How {
    pub(super) fn word(self) -> &'static str {
        match self {
            How::Refuse => "refuse",
            How::Hang => "hang",
        }
    }

    fn listener(self) -> ListenerState {
        match self {
            How::Refuse => ListenerState::Refuse,
            How::Hang => ListenerState::Hang,
        }
    }
}

/// What breaks and heals.
pub(super) enum Breaker {
    Lab { lab: Box<LabClient>, provider: String },
    Commands { break_: Vec<String>, heal: Vec<String> },
}

impl Breaker {
    /// The one there is.
    pub(super) async fn of(ctx: &Ctx) -> Result<Breaker, String> {
        let provider = &ctx.config.lab_provider;
        if let Some(lab) = &ctx.lab {
            let health = lab.health().await.map_err(|error| error.to_string())?;
            let has_port = health
                .providers
                .iter()
                .any(|one| one.name == *provider && one.url.is_some());
            if has_port {
                return Ok(Breaker::Lab {
                    lab: Box::new(lab.clone()),
                    provider: provider.clone(),
                });
            }
        }
        match (&ctx.config.commands.break_, &ctx.config.commands.heal) {
            (Some(break_), Some(heal)) => Ok(Breaker::Commands {
                break_: break_.clone(),
                heal: heal.clone(),
            }),
            _ => Err(format!(
                "needs a port of its own for the lab's provider `{provider}` (lab_provider; `listen` in the lab's \
                 scenario), or commands.break and commands.heal: a port that is shared cannot be closed"
            )),
        }
    }

    /// Whether it can break in this way.
    pub(super) fn can(&self, how: How) -> bool {
        match self {
            Breaker::Lab { .. } => true,
            // Nobody knows in which way a command breaks that does not ask; a refusal is the milder claim.
            Breaker::Commands { break_, .. } => {
                how == How::Refuse || break_.iter().any(|word| word.contains("{how}"))
            }
        }
    }

    /// Breaks it. In effect when this returns.
    pub(super) async fn break_it(&self, ctx: &Ctx, how: How) -> Result<(), String> {
        match self {
            Breaker::Lab { lab, provider } => lab
                .set_listener(provider, how.listener())
                .await
                .map_err(|error| error.to_string()),
            Breaker::Commands { break_, .. } => command(ctx, "commands.break", break_, how.word()).await,
        }
    }

    /// Heals it.
    pub(super) async fn heal(&self, ctx: &Ctx) -> Result<(), String> {
        match self {
            Breaker::Lab { lab, provider } => lab
                .set_listener(provider, ListenerState::Open)
                .await
                .map_err(|error| error.to_string()),
            Breaker::Commands { heal, .. } => command(ctx, "commands.heal", heal, "heal").await,
        }
    }

    /// Whether it really is broken, by a witness other than the target. A command has only its own word.
    pub(super) async fn confirm(&self, how: How) -> Scored<bool> {
        match self {
            Breaker::Lab { lab, provider } => match lab.health().await {
                Ok(health) => Scored::Scored(
                    health
                        .providers
                        .iter()
                        .any(|one| one.name == *provider && one.listener == Some(how.listener())),
                ),
                Err(error) => Scored::Unscored(UnscoredReason::Transport(error.to_string())),
            },
            Breaker::Commands { .. } => Scored::Scored(true),
        }
    }
}

async fn command(ctx: &Ctx, name: &str, words: &[String], how: &str) -> Result<(), String> {
    let ran = ctx
        .run(words, &[("how", how)])
        .await
        .map_err(|error| error.to_string())?;
    match ran.ok {
        true => Ok(()),
        false => Err(format!("{name} failed ({}): {}", ran.ending, ran.output)),
    }
}
