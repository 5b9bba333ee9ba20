//! Ports of this machine: finding free ones, and asking whether the server behind one is ready. Knows no configuration.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};

/// The wanted port where it is free, else any.
pub(super) fn free(wanted: Option<u16>) -> Result<u16> {
    if let Some(port) = wanted.filter(|port| is_free(*port)) {
        return Ok(port);
    }
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|source| Error::Start {
        program: "a listener on 127.0.0.1".to_owned(),
        cure: "is the loopback interface up?".to_owned(),
        source,
    })
}

/// The port that the person named, and no other.
pub(super) fn asked_for(port: u16) -> Result<u16> {
    if is_free(port) { Ok(port) } else { Err(Error::PortTaken { port }) }
}

/// The port that a kept database was made with: the provider's address is part of who people are there.
pub(super) fn kept(port: u16, whose: &str) -> Result<u16> {
    if is_free(port) { Ok(port) } else { Err(Error::KeptPortTaken { port, whose: whose.to_owned() }) }
}

/// One `GET /readyz`; everything but a 200 means not yet.
pub(super) fn answers_ready(port: u16) -> bool {
    let limit = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    let limited = stream.set_read_timeout(Some(limit)).and_then(|()| stream.set_write_timeout(Some(limit)));
    let mut status = [0; 12];
    limited
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read_exact(&mut status))
        .is_ok_and(|()| status == *b"HTTP/1.1 200")
}

/// Browsers try `localhost` as `::1` first: a stranger there would get the person instead of us.
fn is_free(port: u16) -> bool {
    port != 0
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && !TcpListener::bind((Ipv6Addr::LOCALHOST, port))
            .is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> (TcpListener, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[test]
    fn a_taken_port_is_replaced_unless_it_was_asked_for() {
        let (_listener, port) = taken();
        assert_ne!(free(Some(port)).unwrap(), port);
        let refused = asked_for(port).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("port `{port}` is taken")), "{refused}");
        let refused = kept(port, "github").unwrap_err().to_string();
        assert!(refused.contains("`--keep`"), "{refused}");
    }

    #[test]
    fn a_stranger_on_the_same_port_of_ipv6_takes_it() {
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
            // A machine without IPv6 has no such stranger, and then the port must count as free.
            let port = free(None).unwrap();
            assert!(is_free(port));
            return;
        };
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }

    #[test]
    fn only_a_200_is_ready() {
        for (answer, ready) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("HTTP", false),
        ] {
            let (listener, port) = taken();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let read = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                String::from_utf8_lossy(&request[..read]).into_owned()
            });
            assert_eq!(answers_ready(port), ready, "{answer}");
            let request = server.join().unwrap();
            assert!(request.starts_with("GET /readyz HTTP/1.1\r\n"), "{request}");
        }
        let (listener, port) = taken();
        drop(listener);
        assert!(!answers_ready(port));
    }
}
