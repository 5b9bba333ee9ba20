//! The listening socket, which the fault `refused` closes and opens again on the same port. Knows no HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;

use crate::lock::lock;

enum Leaf {
    Open(TcpListener),
    /// Bound, so that the port stays ours, and not listening, so that the kernel refuses.
    Shut(TcpSocket),
    /// Neither could be had: the port went to somebody else in the moment between.
    Lost,
}

struct Frame {
    leaf: Leaf,
    waker: Option<Waker>,
}

/// A listener on loopback that can be closed and opened at once, from any thread.
pub(crate) struct Door {
    address: SocketAddr,
    runtime: Handle,
    frame: Mutex<Frame>,
}

impl Door {
    /// Listens, or only keeps the port; anything but a loopback address is refused, since these providers let everybody in.
    pub(crate) fn at(address: SocketAddr, open: bool) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let message =
                format!("`{address}` is not a loopback address; a demo provider listens on 127.0.0.1 only");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let socket = bind(address)?;
        let address = socket.local_addr()?;
        let leaf = if open {
            Leaf::Open(socket.listen(1024)?)
        } else {
            socket.set_reuseaddr(false)?;
            Leaf::Shut(socket)
        };
        let frame = Mutex::new(Frame { leaf, waker: None });
        Ok(Self { address, runtime: Handle::current(), frame })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let mut frame = lock(&self.frame);
        frame.waker = Some(context.waker().clone());
        match &frame.leaf {
            Leaf::Open(listener) => listener.poll_accept(context).map_ok(|(stream, _)| stream),
            Leaf::Shut(_) | Leaf::Lost => Poll::Pending,
        }
    }

    /// From the return of this call on, connections are refused.
    pub(crate) fn shut(&self) {
        let _guard = self.runtime.enter();
        let mut frame = lock(&self.frame);
        if let Leaf::Open(_) = frame.leaf {
            frame.leaf = Leaf::Lost;
            // Without the option again, not even a program that sets it can have the port meanwhile.
            if let Ok(socket) =
                bind(self.address).and_then(|socket| socket.set_reuseaddr(false).map(|()| socket))
            {
                frame.leaf = Leaf::Shut(socket);
            }
        }
    }

    /// From the return of this call on, connections are accepted.
    pub(crate) fn open(&self) -> io::Result<()> {
        let _guard = self.runtime.enter();
        let mut frame = lock(&self.frame);
        let socket = match std::mem::replace(&mut frame.leaf, Leaf::Lost) {
            Leaf::Open(listener) => {
                frame.leaf = Leaf::Open(listener);
                return Ok(());
            }
            Leaf::Shut(socket) => socket.set_reuseaddr(true).map(|()| socket)?,
            Leaf::Lost => bind(self.address)?,
        };
        frame.leaf = Leaf::Open(socket.listen(1024)?);
        if let Some(waker) = frame.waker.take() {
            waker.wake();
        }
        Ok(())
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Closed connections of the listener before us must not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
