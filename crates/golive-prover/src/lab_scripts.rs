//! E1, E2, E3, E5: rules for marked requests, laid before the scripts of all of the lab's providers, so that a target with
//! several of them has nowhere to flee to; and the scripts as they were, put back.
//!
//! Never: touches a request without its proof's marker, or forgets what stood there before.

use golive_lab::client::{ClientError, LabClient};
use golive_lab::{Rule, Script};

use crate::ctx::Ctx;

/// The scripts of a lab's providers, and what has been laid before them.
pub(crate) struct LabScripts {
    lab: LabClient,
    before: Vec<(String, Script)>,
}

impl LabScripts {
    /// Reads what stands there now.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub(crate) async fn of(ctx: &Ctx) -> Result<LabScripts, String> {
        let lab = ctx
            .lab
            .clone()
            .ok_or("needs the lab as the target's model (lab_url)")?;
        let before = read(&lab, &ctx.config.lab_provider).await;
        let before = before.map_err(|error| format!("the lab cannot be asked for its scripts ({error})"))?;
        Ok(LabScripts { lab, before })
    }

    /// The lab.
    pub(crate) fn lab(&self) -> &LabClient {
        &self.lab
    }

    /// Lays these rules before every provider's own; rules of an earlier call are gone.
    ///
    /// # Errors
    /// What the lab said.
    pub(crate) async fn teach(&self, rules: &[Rule]) -> Result<(), ClientError> {
        for (provider, own) in &self.before {
            let script = Script {
                rules: rules.iter().chain(&own.rules).cloned().collect(),
                ..own.clone()
            };
            self.lab.set_script(provider, &script).await?;
        }
        Ok(())
    }

    /// Puts back what stood there. To be called however the proof ends.
    pub(crate) async fn restore(&self, ctx: &Ctx) {
        for (provider, own) in &self.before {
            if let Err(error) = self.lab.set_script(provider, own).await {
                ctx.warn(format!("the lab could not be told to behave again ({error})"));
            }
        }
    }
}

async fn read(lab: &LabClient, own: &str) -> Result<Vec<(String, Script)>, ClientError> {
    let mut names: Vec<String> = lab
        .health()
        .await?
        .providers
        .into_iter()
        .map(|one| one.name)
        .collect();
    if !names.iter().any(|name| name == own) {
        names.push(own.to_owned());
    }
    let mut scripts = Vec::with_capacity(names.len());
    for name in names {
        let script = lab.script(&name).await?;
        scripts.push((name, script));
    }
    Ok(scripts)
}
