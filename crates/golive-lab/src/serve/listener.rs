//! M1, P3: the ports of the lab. The main one serves all providers and the control; a provider may have one
//! of its own, which can be made to refuse and to hang, as a provider does that is down or stuck.
//!
//! Never: answers control requests on a provider's own port, or keeps a connection over a refusal.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::serve::connection::{Control, Socket};
use crate::serve::service;
use crate::world::{Provider, World};

/// What the own port of a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerState {
    /// Serves.
    #[default]
    Open,
    /// Is closed: the kernel refuses. Connections that stood are reset.
    Refuse,
    /// Accepts and reads, and answers nothing until it is opened; then it answers what still waits.
    Hang,
}

impl ListenerState {
    /// As written in the control.
    pub fn as_str(self) -> &'static str {
        match self {
            ListenerState::Open => "open",
            ListenerState::Refuse => "refuse",
            ListenerState::Hang => "hang",
        }
    }
}

/// The own port of a provider.
pub(crate) struct OwnPort {
    pub(crate) addr: SocketAddr,
    state: watch::Sender<ListenerState>,
    accepting: Mutex<Standing>,
}

/// What stands behind a port.
enum Standing {
    Accepting(Accepting),
    /// Bound but not listening: the kernel refuses, and nobody else takes the port meanwhile. Without the
    /// socket if even that failed.
    Closed(Option<TcpSocket>),
}

struct Accepting {
    stop: CancellationToken,
    reset: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl OwnPort {
    /// Accepts nothing before [`OwnPort::open`].
    pub(crate) fn new(addr: SocketAddr) -> Self {
        let state = watch::Sender::new(ListenerState::Refuse);
        OwnPort {
            addr,
            state,
            accepting: Mutex::new(Standing::Closed(None)),
        }
    }

    pub(crate) fn state(&self) -> ListenerState {
        *self.state.borrow()
    }

    /// Waits while the port hangs.
    pub(crate) async fn while_hung(&self) {
        // The sender lives in self: the wait cannot fail.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| *state != ListenerState::Hang)
            .await;
    }

    /// Changes what the port does; in effect when this returns.
    pub(crate) async fn set(
        &self,
        world: &Arc<World>,
        provider: &Arc<Provider>,
        state: ListenerState,
    ) -> io::Result<()> {
        let mut standing = self.accepting.lock().await;
        match (state, &mut *standing) {
            (ListenerState::Refuse, Standing::Closed(_)) => {}
            (ListenerState::Refuse, Standing::Accepting(running)) => {
                running.reset.store(true, Ordering::Release);
                running.stop.cancel();
                let _ = (&mut running.task).await; // the socket is closed when the task is over
                *standing = Standing::Closed(bound(self.addr).ok());
                self.state.send_replace(state);
            }
            (_, Standing::Accepting(_)) => {
                self.state.send_replace(state);
            }
            (_, Standing::Closed(reserved)) => {
                let socket = match reserved.take() {
                    Some(socket) => socket,
                    None => bound(self.addr)?,
                };
                let listener = socket.listen(BACKLOG)?;
                self.state.send_replace(state);
                *standing = Standing::Accepting(self.start(world, provider, listener));
            }
        }
        Ok(())
    }

    /// Opens the port with a listener that is bound already.
    pub(crate) async fn open(&self, world: &Arc<World>, provider: &Arc<Provider>, listener: TcpListener) {
        self.state.send_replace(ListenerState::Open);
        *self.accepting.lock().await = Standing::Accepting(self.start(world, provider, listener));
    }

    fn start(&self, world: &Arc<World>, provider: &Arc<Provider>, listener: TcpListener) -> Accepting {
        let stop = world.stop.child_token();
        let reset = Arc::new(AtomicBool::new(false));
        let surface = Surface::Provider(provider.clone());
        let task = world.tasks.spawn(accept(
            world.clone(),
            listener,
            surface,
            stop.clone(),
            reset.clone(),
        ));
        Accepting { stop, reset, task }
    }
}

/// What a port shows.
#[derive(Clone)]
pub(crate) enum Surface {
    /// All providers and the control.
    Main,
    /// One provider.
    Provider(Arc<Provider>),
}

/// Binds and listens.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    bound(addr)?.listen(BACKLOG)
}

/// Binds so that a port just closed can be opened again.
fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

/// Accepts until stopped. With `reset` set at that moment the connections end with a RST.
pub(crate) async fn accept(
    world: Arc<World>,
    listener: TcpListener,
    surface: Surface,
    stop: CancellationToken,
    reset: Arc<AtomicBool>,
) {
    loop {
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            place = world.connections.clone().acquire_owned() => place,
        };
        let Ok(place) = place else { return }; // never closed
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = Connection {
                    control: Control::new(world.next_connection(), stop.child_token()),
                    world: world.clone(),
                    surface: surface.clone(),
                    reset: reset.clone(),
                };
                world.tasks.spawn(connection.serve(stream, place));
            }
            Err(error) => {
                // Out of file descriptors, or a client that left within the handshake.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

struct Connection {
    world: Arc<World>,
    surface: Surface,
    control: Control,
    reset: Arc<AtomicBool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        let Connection {
            world,
            surface,
            control,
            reset,
        } = self;
        if stream.set_nodelay(true).is_err() {
            return; // gone already
        }
        let io = TokioIo::new(Socket::new(stream, control.clone()));
        let mut builder = auto::Builder::new(Tracked(world.tasks.clone()));
        builder.http2().max_concurrent_streams(H2_STREAMS_MAX);
        let stop = control.stop().clone();
        let service =
            service_fn(|request| service::serve(world.clone(), surface.clone(), control.clone(), request));
        let connection = builder.serve_connection(io, service);
        tokio::pin!(connection);
        tokio::select! {
            // An error here is the end of a connection that a fault or the client has broken.
            _ = connection.as_mut() => {}
            () = stop.cancelled() => {
                if reset.load(Ordering::Acquire) {
                    control.will_reset();
                }
            }
        }
    }
}

/// Runs hyper's HTTP/2 streams among the lab's own tasks, so that a shutdown waits for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// Enough for a thousand callers that connect at once.
const BACKLOG: u32 = 4096;
const H2_STREAMS_MAX: u32 = 10_000;
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
