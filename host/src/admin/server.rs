//! The server's side of the admin socket: made without taking away another server's, answered for those who may ask, gone with
//! the server. Knows lines and limits, and no verb.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Answer, MAX_REQUEST, Operator, Request};

/// How many programs may ask at once; the next ones wait in the kernel's queue.
const CLIENTS: usize = 32;
/// How long a program may take to say what it wants, and then to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Its folder is missing.
    #[error(
        "cannot listen on the admin socket `{}`: there is no folder `{}`; make it, writable by the server's user alone, or \
         change `admin_socket` in `[server]`",
        path.display(), folder.display()
    )]
    NoFolder {
        /// The socket.
        path: PathBuf,
        /// Where it would be.
        folder: PathBuf,
    },
    /// A server answers there.
    #[error(
        "another server listens on the admin socket `{}`; stop it, or change `admin_socket` in `[server]`",
        .0.display()
    )]
    Taken(PathBuf),
    /// Something else is there.
    #[error("`{}` is there, and is no socket; move it away, or change `admin_socket` in `[server]`", .0.display())]
    NotASocket(PathBuf),
    /// Anything else.
    #[error("cannot listen on the admin socket `{}`: {reason}; change `admin_socket` in `[server]`", path.display())]
    Other {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
}

/// A bound socket. Dropped, it is removed.
#[derive(Debug)]
pub struct AdminSocket {
    listener: StdListener,
    path: PathBuf,
    /// Device and inode: only this one is removed.
    identity: (u64, u64),
}

type StdListener = std::os::unix::net::UnixListener;

impl AdminSocket {
    /// Makes the socket, for this process's user alone. One that a dead server left behind is replaced; that of a living one
    /// is left to it.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let other = |reason: io::Error| BindError::Other { path: path.to_owned(), reason };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Two servers that start at once would both take the same socket for a dead one's. The lock ends with this function.
        let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        let _lock = locked.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                BindError::NoFolder { path: path.to_owned(), folder: folder.to_owned() }
            }
            _ => other(error),
        })?;
        clear(path)?;
        let listener = listen(path).map_err(other)?;
        let metadata = fs::symlink_metadata(path).map_err(other)?;
        Ok(Self { listener, path: path.to_owned(), identity: (metadata.dev(), metadata.ino()) })
    }

    /// Answers, until the future is dropped.
    pub async fn serve(&self, operator: Arc<Operator>) -> io::Result<()> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let places = Arc::new(Semaphore::new(CLIENTS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let operator = Arc::clone(&operator);
                    tokio::spawn(async move {
                        if let Err(error) = serve_one(stream, &operator).await {
                            tracing::debug!(%error, "a program at the admin socket went away");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept at the admin socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what a dead server left.
fn clear(path: &Path) -> Result<(), BindError> {
    let other = |reason: io::Error| BindError::Other { path: path.to_owned(), reason };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(other)?,
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match StdUnixStream::connect(path) {
        // Nobody has it open any more.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!("the admin socket `{}` was left behind and is replaced", path.display());
            fs::remove_file(path).map_err(other)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue is a server, too.
        Ok(_) => Err(BindError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(BindError::Taken(path.to_owned())),
        Err(error) => Err(other(error)),
    }
}

/// The mode is set before anybody can connect, whatever the umask is.
fn listen(path: &Path) -> io::Result<StdListener> {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let listening = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| Ok(rustix::net::listen(&socket, 128)?));
    if let Err(error) = listening {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(StdListener::from(socket))
}

async fn serve_one(mut stream: UnixStream, operator: &Operator) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        tracing::warn!(uid, "turned away from the admin socket: neither the server's user nor root");
        return Ok(());
    }
    let answer = match tokio::time::timeout(PATIENCE, read(&mut stream)).await {
        Ok(request) => match request? {
            Ok(request) => operator.answer(request, uid).await,
            Err(refused) => refused,
        },
        Err(_) => Answer::refused("malformed", format!("no line came within {} s", PATIENCE.as_secs())),
    };
    let mut line = serde_json::to_vec(&answer).map_err(io::Error::other)?;
    line.push(b'\n');
    let written = async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|late| Err(io::Error::other(late)))
}

async fn read(stream: &mut UnixStream) -> io::Result<Result<Request, Answer>> {
    let mut line = Vec::new();
    BufReader::new(stream.take(MAX_REQUEST as u64 + 1)).read_until(b'\n', &mut line).await?;
    let refused = |why: String| Ok(Err(Answer::refused("malformed", why)));
    if line.len() > MAX_REQUEST {
        return refused(format!("the request is longer than {MAX_REQUEST} bytes"));
    }
    if line.last() != Some(&b'\n') {
        return refused("the request does not end with a line break".to_owned());
    }
    match serde_json::from_slice(&line) {
        Ok(request) => Ok(Ok(request)),
        Err(_) => refused("the request is no JSON object with a `verb`".to_owned()),
    }
}
