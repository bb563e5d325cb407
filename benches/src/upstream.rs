//! The upstream of every server under measurement: the lab, on a thread of its own.
//!
//! Never: slower for one of them; all call the same port with the same bodies.

use std::net::SocketAddr;
use std::time::Duration;

use golive_lab::{Behaviour, Brain, Lab, LabOptions, Match, Pace, Rule, Scenario, ScenarioProvider, Script};
use tokio::sync::oneshot;

use crate::Failed;

/// Answers at once, plain.
pub const PLAIN: &str = "plain";
/// Streams twenty pieces in 200 ms.
pub const PACED: &str = "paced";
/// Streams a piece a second for ten minutes.
pub const OPEN: &str = "open";

/// How long a stream of [`OPEN`] lasts.
const OPEN_FOR: Duration = Duration::from_secs(600);

/// The lab. It ends when dropped.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Upstream {
    /// Starts it.
    pub fn start() -> Result<Self, Failed> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("lab".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error.to_string()))),
            };
            runtime.block_on(async {
                match Lab::start(options()).await {
                    Err(error) => drop(tell.send(Err(error.to_string()))),
                    Ok(lab) => {
                        // Nobody waits for the address, or for the end, only if the bench has failed already.
                        let _ = tell.send(Ok(lab.addr()));
                        let _ = stopped.await;
                        lab.shutdown().await;
                    }
                }
            });
        })?;
        let address = told.recv().map_err(|_| "the lab's thread ended")?;
        Ok(Self {
            address: address.map_err(|error| format!("the lab cannot start: {error}"))?,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn options() -> LabOptions {
    let script = Script {
        rules: vec![
            streaming(PACED, 20, 100.0),
            streaming(OPEN, OPEN_FOR.as_secs() as usize, 1.0),
        ],
        ..Script::default()
    };
    let provider = ScenarioProvider {
        script,
        ..ScenarioProvider::default()
    };
    LabOptions {
        script: Scenario {
            providers: [("default".to_owned(), provider)].into(),
        },
        ..LabOptions::default()
    }
}

/// A model that streams so many words so fast, the first at once.
fn streaming(model: &str, words: usize, tokens_per_second: f64) -> Rule {
    Rule {
        matches: Match {
            model: Some(model.to_owned()),
            ..Match::default()
        },
        behaviour: Some(Behaviour {
            brain: Some(Brain::Reply(vec!["word"; words].join(" "))),
            pace: Some(Pace {
                tokens_per_second,
                first_token_ms: 0,
            }),
            ..Behaviour::default()
        }),
        ..Rule::default()
    }
}
