//! TLS to the database: played by a door that speaks it in front of the test's server.

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use vestibule::store::{Options, Store};

use super::*;

/// What a client asks before anything else (protocol, "SSLRequest").
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Takes TLS, or refuses it, and goes on to the server. Gives the port, the authority's certificate, and how many bytes
/// came without TLS after it was refused.
async fn door(url: &str, name: &str, takes_tls: bool) -> (u16, String, Arc<std::sync::atomic::AtomicUsize>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = url.split_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = plain.clone();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (acceptor, server, counted) = (acceptor.clone(), server.clone(), counted.clone());
            tokio::spawn(async move {
                let mut request = [0; 8];
                client.read_exact(&mut request).await.unwrap();
                assert_eq!(request, REQUEST);
                if !takes_tls {
                    client.write_all(b"N").await.unwrap();
                    let read = client.read(&mut request).await.unwrap_or(0);
                    counted.fetch_add(read, std::sync::atomic::Ordering::Relaxed);
                    return;
                }
                client.write_all(b"S").await.unwrap();
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let pem = data_encoding::BASE64.encode(authority.der());
    (port, format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n"), plain)
}

async fn open(database: &PostgresDatabase, port: u16, parameters: &str) -> Result<(), String> {
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    let url = format!("postgres://postgres@localhost:{port}/{name}?{parameters}");
    let store =
        Store::open(&location_of(&url), &Options::default()).await.map_err(|error| error.to_string())?;
    store.ping().await.map_err(|error| error.to_string())?;
    store.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_proves_its_name_by_an_authority_that_the_url_names() {
    let database = PostgresDatabase::migrated().await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    let full = format!("sslmode=verify-full&sslrootcert={}", root.display());

    let (port, authority, _) = door(&database.url(), "localhost", true).await;
    std::fs::write(&root, authority).unwrap();
    open(&database, port, &full).await.unwrap();
    // Nobody vouches for it.
    let said = open(&database, port, "sslmode=verify-full").await.unwrap_err();
    assert!(said.contains("cannot be used: TLS: ") && said.contains("`sslrootcert`"), "{said}");

    // Another name.
    let (port, authority, _) = door(&database.url(), "db.example.org", true).await;
    std::fs::write(&root, authority).unwrap();
    let said = open(&database, port, &full).await.unwrap_err();
    assert!(said.contains("it needs a certificate for that host name"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_nothing() {
    let database = PostgresDatabase::migrated().await;
    let (port, _, plain) = door(&database.url(), "localhost", false).await;
    let said = open(&database, port, "sslmode=verify-full").await.unwrap_err();
    assert!(said.contains("TLS"), "{said}");
    assert_eq!(plain.load(std::sync::atomic::Ordering::Relaxed), 0, "not even the name of the role");
}
