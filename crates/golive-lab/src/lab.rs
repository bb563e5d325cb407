//! The lab as a value: start it, script it, ask it, stop it.
//!
//! Never: leaves a task or a socket behind after [`Lab::shutdown`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use thiserror::Error;

use crate::client::LabClient;
use crate::dice;
use crate::nonce::{Mark, Marks};
use crate::script::{Scenario, Script, ScriptError};
use crate::serve::listener::{ListenerState, OwnPort, Surface, accept, bind};
use crate::timeline::Timeline;
use crate::world::{Provider, World, is_provider_name};

/// How a lab starts.
#[derive(Debug, Clone, PartialEq)]
pub struct LabOptions {
    /// The main port: all providers, and the control. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides all that is left to chance.
    pub seed: u64,
    /// Providers with their scripts, and ports of their own.
    pub script: Scenario,
    /// More providers with a port of their own.
    pub providers: Vec<(String, SocketAddr)>,
}

impl Default for LabOptions {
    /// A free port on the loopback address, seed 1, no script.
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        LabOptions {
            listen,
            seed: 1,
            script: Scenario::default(),
            providers: Vec::new(),
        }
    }
}

/// Why a lab did not start, or did not do what it was told.
#[derive(Debug, Error)]
pub enum LabError {
    /// A port is taken or not ours.
    #[error("cannot listen on {addr}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The name of a provider is not usable.
    #[error(
        "`{0}` cannot be a provider: 1 to 64 letters, digits and -_. not beginning with _ or ., not v1 or agent, each once, and no more than 1024 of them"
    )]
    Provider(String),
    /// A script is out of range.
    #[error("provider `{provider}`")]
    Script {
        /// Whose.
        provider: String,
        /// What is wrong.
        #[source]
        source: ScriptError,
    },
    /// A provider on the main port alone cannot refuse or hang by itself.
    #[error("provider `{0}` has no port of its own")]
    NoOwnPort(String),
    /// The system gave no randomness for the key of the marks.
    #[error("the system has no randomness to give")]
    Randomness,
}

/// A running lab. Dropped, it stops at once; [`Lab::shutdown`] also waits for the end of all it started.
pub struct Lab {
    world: Arc<World>,
    addr: SocketAddr,
}

impl Lab {
    /// Binds all ports and serves. Needs a tokio runtime, on which it runs.
    pub async fn start(options: LabOptions) -> Result<Lab, LabError> {
        let marks = Marks::new(options.seed).map_err(|_| LabError::Randomness)?;
        let key = Marks::new(0).map_err(|_| LabError::Randomness)?;
        let instance = key.mark("instance", dice::mix(options.seed)).mac;
        let world = Arc::new(World::new(options.seed, marks, instance));
        let listen = |addr| bind(addr).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let listen = |addr| listen(addr).map_err(|source| LabError::Listen { addr, source });
        // From here on a failure drops the lab, which stops what has been started.
        let (addr, main) = listen(options.listen)?;
        let lab = Lab { world, addr };
        let own = options
            .providers
            .iter()
            .map(|(name, addr)| (name, Some(*addr), Script::default()));
        let scripted = options.script.providers.iter().map(|(name, provider)| {
            let also = options
                .providers
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, addr)| *addr);
            (name, provider.listen.or(also), provider.script.clone())
        });
        for (name, own_port, script) in scripted.chain(own) {
            script.check().map_err(|source| LabError::Script {
                provider: name.clone(),
                source,
            })?;
            if !is_provider_name(name) {
                return Err(LabError::Provider(name.clone()));
            }
            let known = lab
                .world
                .providers()
                .iter()
                .any(|provider| *provider.id.name == **name);
            if known && options.script.providers.contains_key(name) {
                continue; // its port was taken from `providers` above
            }
            if known {
                return Err(LabError::Provider(name.clone()));
            }
            let bound = own_port.map(listen).transpose()?;
            let port = bound.as_ref().map(|(addr, _)| OwnPort::new(*addr));
            let provider = lab
                .world
                .add(name, port, script)
                .ok_or_else(|| LabError::Provider(name.clone()))?;
            if let (Some((_, listener)), Some(port)) = (bound, &provider.port) {
                port.open(&lab.world, &provider, listener).await;
            }
        }
        let never_reset = Arc::new(AtomicBool::new(false));
        let stop = lab.world.stop.child_token();
        lab.world
            .tasks
            .spawn(accept(lab.world.clone(), main, Surface::Main, stop, never_reset));
        Ok(lab)
    }

    /// The main port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The main port as `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base URL of a provider: its own port if it has one, else its prefix on the main port.
    pub fn provider_url(&self, provider: &str) -> Result<String, LabError> {
        let found = self.provider(provider)?;
        Ok(match &found.port {
            Some(port) => format!("http://{}", port.addr),
            None => format!("http://{}/{provider}", self.addr),
        })
    }

    /// The address of an OIDC issuer that this lab plays; made, keys and all, at its first use.
    pub fn issuer_url(&self, name: &str) -> String {
        format!("http://{}/_oidc/{name}", self.addr)
    }

    /// The seed it runs with.
    pub fn seed(&self) -> u64 {
        self.world.seed
    }

    /// The lab's clock: microseconds since its start.
    pub fn now_us(&self) -> u64 {
        self.world.clock.now_us()
    }

    /// All that reached it.
    pub fn timeline(&self) -> &Timeline {
        &self.world.timeline
    }

    /// Replaces a provider's script. Its rules count from the beginning.
    pub fn script(&self, provider: &str, script: Script) -> Result<(), LabError> {
        script.check().map_err(|source| LabError::Script {
            provider: provider.to_owned(),
            source,
        })?;
        self.provider(provider)?.set(script);
        Ok(())
    }

    /// Opens, refuses or hangs the own port of a provider; in effect when this returns.
    pub async fn listener(&self, provider: &str, state: ListenerState) -> Result<(), LabError> {
        let found = self.provider(provider)?;
        let Some(port) = &found.port else {
            return Err(LabError::NoOwnPort(provider.to_owned()));
        };
        let set = port.set(&self.world, &found, state).await;
        set.map_err(|source| LabError::Listen {
            addr: port.addr,
            source,
        })
    }

    /// Whether this lab, in this run, made the mark.
    pub fn verify(&self, mark: &Mark) -> bool {
        self.world.marks.verify(mark)
    }

    /// Back to the start: scripts as in the options, all listeners open, timeline and counts empty.
    pub async fn reset(&self) -> Result<(), LabError> {
        for provider in self.world.providers() {
            if provider.port.is_some() {
                self.listener(&provider.id.name, ListenerState::Open).await?;
            }
        }
        self.world.reset();
        Ok(())
    }

    /// Speaks to this lab over HTTP, as a proof in another process does.
    pub fn client(&self) -> Result<LabClient, crate::client::ClientError> {
        LabClient::new(&self.url())
    }

    /// Stops accepting, ends all connections, and waits for the end of every task.
    pub async fn shutdown(self) {
        self.world.stop.cancel();
        self.world.tasks.close();
        self.world.tasks.wait().await;
    }

    fn provider(&self, name: &str) -> Result<Arc<Provider>, LabError> {
        self.world
            .provider(name)
            .ok_or_else(|| LabError::Provider(name.to_owned()))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.world.stop.cancel();
    }
}
