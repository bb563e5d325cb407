//! `golive lab`: the simulated provider, alone.

use golive_lab::{Lab, LabOptions, Scenario};

use crate::cli;
use crate::exit::{self, Exit};
use crate::output;

pub async fn run(args: cli::Lab, quiet: bool) -> Exit {
    let script = match args.script.as_deref().map(Scenario::load).transpose() {
        Ok(script) => script.unwrap_or_default(),
        Err(error) => {
            output::error(&golive_gateway::upstream::chain_of(&error));
            return exit::USAGE;
        }
    };
    let options = LabOptions {
        listen: args.listen,
        seed: args.seed,
        script,
        providers: args.provider,
    };
    let lab = match Lab::start(options).await {
        Ok(lab) => lab,
        Err(error) => {
            output::error(&format!(
                "{}; choose another address with --listen or --provider",
                golive_gateway::upstream::chain_of(&error)
            ));
            return exit::FAILED;
        }
    };
    if !quiet {
        let url = lab.url();
        output::say(&format!(
            "golive lab is ready: {url} (seed {})\n  OpenAI base URL     {url}/v1\n  Anthropic base URL  {url}\n  HTTP agent          {url}/agent\n  OIDC issuer         {}\n  what arrived        {url}/_lab/timeline",
            lab.seed(),
            lab.issuer_url("default")
        ));
    }
    super::serve::until_signal().await;
    lab.shutdown().await;
    exit::OK
}
