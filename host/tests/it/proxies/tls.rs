//! An authority, its certificates, and both ends of TLS: a client that writes what it is told to the byte, and a front
//! for the provider. Knows nothing of Vestibule.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PublicKeyData as _,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use vestibule::random::sha256;

/// One that nobody trusts but who is told to.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    client: TlsConnector,
    file: PathBuf,
}

/// What a server shows.
pub(super) struct Certified {
    certificate: Certificate,
    key: KeyPair,
}

/// An answer, its head as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Authority {
    /// Its certificate stands in that folder.
    pub(super) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of this test's");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join("authority.pem");
        fs::write(&file, pem("CERTIFICATE", issuer.der())).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { issuer, client: TlsConnector::from(Arc::new(client)), file }
    }

    /// For `SSL_CERT_FILE`.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate for a name or an address, and its key.
    pub(super) fn certify(&self, name: &str) -> Certified {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified { certificate, key }
    }

    /// Serves TLS at the listener, for requests that go on in the clear to `target`, which answers one each connection
    /// and knows itself by its own address.
    pub(super) fn put_in_front_of(target: SocketAddr, listener: TcpListener, shown: &Certified) {
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![shown.certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // Whoever goes away in the middle has no answer to miss.
                tokio::spawn(async move {
                    let mut outer = acceptor.accept(stream).await?;
                    let mut inner = TcpStream::connect(target).await?;
                    let head = with_host(&head_of(&mut outer).await?, target);
                    inner.write_all(&head).await?;
                    copy_bidirectional(&mut outer, &mut inner).await
                });
            }
        });
    }

    /// Sends a request from one of this machine's addresses to a port of its loopback, as to that name, and reads to the
    /// end.
    pub(super) async fn ask(&self, from: Ipv4Addr, port: u16, name: &str, request: &str) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = self.client.connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A proxy may close without a farewell, after a whole answer.
        let _ = stream.read_to_end(&mut answer).await;
        Answer::of(&String::from_utf8_lossy(&answer))
    }
}

impl Certified {
    /// Both as files in that folder: certificate, key.
    pub(super) fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let files = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&files.0, pem("CERTIFICATE", self.certificate.der())).unwrap();
        fs::write(&files.1, pem("PRIVATE KEY", &self.key.serialize_der())).unwrap();
        files
    }

    /// SHA-256 of the public key, in Base64: how Chromium is told which certificate to take.
    pub(super) fn spki_digest(&self) -> String {
        BASE64.encode(&sha256(&self.key.subject_public_key_info()))
    }
}

/// RFC 7468 §2: lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole head: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The values of all headers of that name, in lower case.
    pub(super) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1.trim()).collect()
    }

    /// The value of the one header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() < 2, "{values:?}");
        values.first().copied()
    }

    /// The header that sets a cookie.
    pub(super) fn set_cookie(&self, name: &str) -> &str {
        let start = format!("{name}=");
        self.headers("set-cookie")
            .into_iter()
            .find(|value| value.starts_with(&start))
            .unwrap_or_else(|| panic!("no `{name}` in {self:?}"))
    }

    /// `name=value` of it.
    pub(super) fn cookie(&self, name: &str) -> &str {
        self.set_cookie(name).split(';').next().unwrap()
    }
}

/// Reads to the end of a head, and what came with it.
async fn head_of(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// The same with another `Host`.
fn with_host(head: &[u8], host: SocketAddr) -> Vec<u8> {
    let end = head.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let text = String::from_utf8(head[..end].to_vec()).unwrap();
    let lines = text.split("\r\n").map(|line| {
        let is_host = line.to_ascii_lowercase().starts_with("host:");
        if is_host { format!("Host: {host}") } else { line.to_owned() }
    });
    [lines.collect::<Vec<_>>().join("\r\n").as_bytes(), &head[end..]].concat()
}
