//! `vestibule reload`, `vestibule status` and SIGHUP, at the program itself.

use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;

use super::*;
use crate::world::to_callback;

/// A server with an admin socket, and `github` at a demo-idp.
async fn installed() -> (Installation, DemoIdp) {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "admin_socket = \"admin.sock\"");
    (installation, idp)
}

fn text(installation: &Installation) -> String {
    fs::read_to_string(installation.path("config.toml")).unwrap()
}

fn verb(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.env_clear().args(arguments).arg("--config").arg(installation.path("config.toml"));
    command
}

/// Exit code, standard output and standard error.
fn run(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = verb(installation, arguments).output().unwrap();
    let text = |bytes: &[u8]| installation.shortened(std::str::from_utf8(bytes).unwrap());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn asked(installation: &Installation, line: &[u8]) -> String {
    let mut stream = UnixStream::connect(installation.path("admin.sock")).unwrap();
    stream.write_all(line).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_added_and_removed_while_the_server_runs() {
    let (installation, idp) = installed().await;
    let process = installation.start();
    let before = text(&installation);
    installation.write("config.toml", before.clone() + &provider("second", idp.base_url()));
    assert_eq!(
        run(&installation, &["reload"]),
        (Some(0), "generation 2: +second.\n".to_owned(), String::new())
    );
    assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{}/auth/second/callback", installation.url())));
    installation.visitor().sign_in("second", Some("octavia")).await.unwrap();
    installation.write("config.toml", before);
    assert_eq!(
        run(&installation, &["reload"]),
        (Some(0), "generation 3: -second.\n".to_owned(), String::new())
    );
    assert_eq!(
        run(&installation, &["reload"]),
        (Some(0), "generation 3: nothing has changed.\n".to_owned(), String::new())
    );
    let (code, status, said) = run(&installation, &["status"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let lines: Vec<_> = status.lines().collect();
    assert!(lines[0].starts_with("generation 3, reloaded 20"), "{status}");
    assert!(lines[0].contains(" by `vestibule reload` (user id "), "{status}");
    assert!(lines[1].ends_with("changed nothing"), "{status}");
    assert_eq!(
        lines[2..],
        [
            "PROVIDER  PLUGIN        STATE     USERS  LAST SIGN-IN  LAST ERROR",
            "github    github 0.1.0  enabled   0      -             -",
            "second    -             orphaned  1      now           it has no section in the configuration",
        ],
        "{status}"
    );
    let (code, lines) = process.terminate();
    assert_eq!(code, Some(0));
    assert!(lines.iter().any(|line| line.contains("): generation 2: +second")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_refused_with_78_and_the_old_one_serves() {
    let (installation, _idp) = installed().await;
    let process = installation.start();
    let right = text(&installation);
    installation.write("config.toml", right.replace("base_url", "base_ulr"));
    let line = right.lines().position(|line| line.starts_with("base_url")).unwrap() + 1;
    let (code, done, said) = run(&installation, &["reload"]);
    assert_eq!((code, done.as_str()), (Some(78), ""));
    assert_eq!(
        said,
        format!(
            "reload refused, generation 1 keeps serving: `github`: config.toml:{line}: unknown key `base_ulr`; did you \
             mean `base_url`? `github` takes: `allowed_orgs`, `base_url`, `client_id`, `client_secret_file` or \
             `client_secret_env`\n"
        )
    );
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    let (code, status, _) = run(&installation, &["status"]);
    assert_eq!(code, Some(0));
    assert!(status.contains("was refused:\n  `github`: config.toml:"), "{status}");

    // Not even TOML: the socket is found all the same, and everything is told at once.
    installation.write("config.toml", right.clone() + "x = y\nlable = \"\n");
    let (code, _, said) = run(&installation, &["reload"]);
    assert_eq!(code, Some(78));
    assert!(said.ends_with("reload refused, generation 1 keeps serving: 2 errors, see above\n"), "{said}");
    let (code, report, _) = run(&installation, &["reload", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["outcome"], &report["generation"]), (Some(78), &"refused".into(), &1.into()));
    installation.visitor().sign_in("github", Some("kai")).await.unwrap();
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_and_the_status_says_so() {
    let (installation, idp) = installed().await;
    let mut process = installation.start();
    let right = text(&installation);
    installation.write("config.toml", right.clone() + &provider("second", idp.base_url()));
    process.signal(Signal::HUP);
    process.wait_for(" INFO reload by SIGHUP: generation 2: +second");
    installation.write("config.toml", right.clone() + "x =\n");
    process.signal(Signal::HUP);
    process.wait_for("ERROR reload by SIGHUP refused, generation 2 keeps serving");
    let (_, status, _) = run(&installation, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["generation"], &status["by"]), (&2.into(), &"SIGHUP".into()));
    assert_eq!(status["last_reload"]["outcome"], "refused");
    assert_eq!(status["configuration"].as_str().unwrap().len(), 64);
    assert_eq!(status["providers"].as_array().unwrap().len(), 2);
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_works_without_a_socket_and_the_verbs_say_what_is_missing() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let mut process = installation.start();
    for arguments in [["reload"], ["status"]] {
        let (code, done, said) = run(&installation, &arguments);
        assert_eq!((code, done.as_str()), (Some(3), ""));
        assert_eq!(
            said,
            "error: config.toml: `[server]` has no `admin_socket`, so the server cannot be asked; write one, as in \
             `admin_socket = \"/run/vestibule/admin.sock\"`, and restart it (SIGHUP reloads without a socket)\n"
        );
    }
    process.signal(Signal::HUP);
    process.wait_for("reload by SIGHUP: generation 1: nothing has changed");
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_verbs_end_with_3() {
    let (installation, _idp) = installed().await;
    for (arguments, has_socket) in [(["reload"], false), (["status"], true)] {
        if has_socket {
            drop(UnixListener::bind(installation.path("admin.sock")).unwrap());
        }
        let (code, done, said) = run(&installation, &arguments);
        assert_eq!((code, done.as_str()), (Some(3), ""));
        assert!(said.starts_with("error: no server answers at `admin.sock`: "), "{said}");
    }
    fs::remove_file(installation.path("config.toml")).unwrap();
    let (code, _, said) = run(&installation, &["reload"]);
    assert_eq!(code, Some(78));
    assert!(said.ends_with("the server was not asked: 1 error in the configuration\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugins_file_that_is_missing_or_changed_refuses_the_reload_and_harms_nobody() {
    let (installation, idp) = installed().await;
    let library = fs::read(super::library("github")).unwrap();
    installation.write("plugin.so", &library);
    let own = text(&installation).replace(&super::library("github").display().to_string(), "plugin.so");
    installation.write("config.toml", &own);
    let process = installation.start();
    let mut visitor = installation.visitor();
    let (callback, cookies) = to_callback(&mut visitor, "octavia").await.unwrap();

    // Overwritten in place: what was loaded is a copy that nobody can change.
    installation.write("plugin.so", vec![0; library.len()]);
    let (code, _, said) = run(&installation, &["reload"]);
    assert_eq!(code, Some(3));
    assert!(said.starts_with("reload refused, generation 1 keeps serving: `github`: config.toml:"), "{said}");
    assert!(said.contains("plugin.so: differs from its pin: expected `"), "{said}");
    let (_, status, _) = run(&installation, &["status"]);
    assert!(status.contains(" enabled, modified "), "{status}");
    assert!(status.contains("github: `plugin.so` has the SHA-256 "), "{status}");
    let back = plain_client().get(callback).header("cookie", cookies).send().await.unwrap();
    assert_eq!(back.status(), 303);

    fs::remove_file(installation.path("plugin.so")).unwrap();
    let (code, _, said) = run(&installation, &["reload"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("plugin.so: cannot be read: No such file or directory"), "{said}");
    let (_, status, _) = run(&installation, &["status"]);
    assert!(status.contains("github: `plugin.so` cannot be read now; what was loaded ("), "{status}");
    installation.visitor().sign_in("github", Some("kai")).await.unwrap();

    // Another file with its pin beside the first one: an upgrade, and back again.
    installation.write("plugin.so", [&library[..], b"\0"].concat());
    let other = data_encoding::HEXLOWER.encode(&sha256(&[&library[..], b"\0"].concat()));
    installation.write("config.toml", own.replace("sha256 = [", &format!("sha256 = [\"{other}\", ")));
    let (code, done, said) = run(&installation, &["reload"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert_eq!(done, "generation 2: github 0.1.0 (another file).\n");
    installation.write("plugin.so", &library);
    assert_eq!(run(&installation, &["reload"]).1, "generation 3: github 0.1.0 (another file).\n");
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(idp.requests_to(Endpoint::Token).len(), 3);
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let (installation, _idp) = installed().await;
    let process = installation.start();
    let socket = installation.path("admin.sock");
    let metadata = fs::symlink_metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.mode() & 0o777, 0o600);

    // A second server with the same socket leaves it alone.
    let mine = text(&installation);
    let other = free_port().to_string();
    installation.write(
        "other.toml",
        mine.replace(&installation.port.to_string(), &other).replace("vestibule.db", "other.db"),
    );
    let mut second = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    let second =
        second.env_clear().args(["serve", "--config"]).arg(installation.path("other.toml")).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = installation.shortened(std::str::from_utf8(&second.stderr).unwrap());
    assert!(
        said.contains("another server listens on the admin socket `admin.sock`; stop it, or change `admin_socket` in `[server]`"),
        "{said}"
    );
    assert_eq!(run(&installation, &["status"]).0, Some(0));
    assert_eq!(process.terminate().0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_servers_socket_is_replaced_and_anything_else_is_not() {
    let (installation, _idp) = installed().await;
    let process = installation.start();
    process.kill();
    assert!(installation.path("admin.sock").exists());
    let process = installation.start();
    assert_eq!(run(&installation, &["status"]).0, Some(0));
    assert_eq!(process.terminate().0, Some(0));

    installation.write("admin.sock", "somebody's notes");
    let (code, said) = installation.refused();
    assert_eq!(code, Some(1));
    assert!(
        said.contains("`admin.sock` is there, and is no socket; move it away, or change `admin_socket`"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(installation.path("admin.sock")).unwrap(), "somebody's notes");

    installation.write("config.toml", text(&installation).replace("\"admin.sock\"", "\"gone/admin.sock\""));
    let (code, said) = installation.refused();
    assert_eq!(code, Some(1));
    assert!(
        said.contains("there is no folder `gone`; make it, writable by the server's user alone"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_turned_away_whatever_the_sockets_mode_is() {
    assert!(rustix::process::geteuid().is_root(), "needs root, to become somebody else");
    let (installation, _idp) = installed().await;
    let mut process = installation.start();
    let folder = installation.folder.path();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(installation.path("config.toml"), Permissions::from_mode(0o644)).unwrap();
    // The program itself may be in a folder that only root sees.
    let program = installation.path("vestibule");
    fs::copy(env!("CARGO_BIN_EXE_vestibule"), &program).unwrap();
    let as_nobody = || {
        let mut command = Command::new(&program);
        command.env_clear().args(["reload", "--config"]).arg(installation.path("config.toml"));
        let output = command.uid(65_534).gid(65_534).output().unwrap();
        (output.status.code(), installation.shortened(std::str::from_utf8(&output.stderr).unwrap()))
    };
    let (code, said) = as_nobody();
    assert_eq!(code, Some(3));
    assert_eq!(
        said,
        "error: `admin.sock` is not open to this user; run this as the server's user, or as root\n"
    );

    fs::set_permissions(installation.path("admin.sock"), Permissions::from_mode(0o666)).unwrap();
    let (code, said) = as_nobody();
    assert_eq!(code, Some(3));
    assert!(said.contains("closed the connection without an answer; its log says why"), "{said}");
    process.wait_for("turned away from the admin socket: neither the server's user nor root uid=65534");
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn root_may_ask_a_server_of_another_user() {
    assert!(rustix::process::geteuid().is_root(), "needs root, to start the server as somebody else");
    let (installation, _idp) = installed().await;
    fs::remove_file(installation.path("client-secret")).unwrap();
    installation.write("client-secret", CLIENT_SECRET);
    for name in ["", "config.toml", "client-secret"] {
        std::os::unix::fs::chown(installation.path(name), Some(65_534), Some(65_534)).unwrap();
    }
    installation.write("plugin.so", fs::read(library("github")).unwrap());
    fs::set_permissions(installation.path("plugin.so"), Permissions::from_mode(0o644)).unwrap();
    let own = text(&installation).replace(&library("github").display().to_string(), "plugin.so");
    installation.write("config.toml", own);
    let program = installation.path("vestibule");
    fs::copy(env!("CARGO_BIN_EXE_vestibule"), &program).unwrap();
    let mut command = Command::new(&program);
    command
        .env_clear()
        .args(["serve", "--config"])
        .arg(installation.path("config.toml"))
        .uid(65_534)
        .gid(65_534);
    let mut process = Process::spawn(&mut command);
    process.wait_for("ready: github");
    assert_eq!(fs::symlink_metadata(installation.path("admin.sock")).unwrap().uid(), 65_534);
    let (code, done, said) = run(&installation, &["reload"]);
    assert_eq!((code, done.as_str(), said.as_str()), (Some(0), "generation 1: nothing has changed.\n", ""));
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_gets_an_answer_that_says_so() {
    let (installation, _idp) = installed().await;
    let process = installation.start();
    let version = env!("CARGO_PKG_VERSION");
    let long = vec![b' '; 64 * 1024 + 1];
    for (line, code, message) in [
        (
            &b"{\"verb\":\"juggle\",\"later\":[1]}\n"[..],
            "unknown_verb",
            format!("the server is vestibule {version}, which does not know the verb `juggle`"),
        ),
        (b"reload\n", "malformed", "the request is no JSON object with a `verb`".to_owned()),
        (b"{}\n", "malformed", "the request is no JSON object with a `verb`".to_owned()),
        (&long, "malformed", "the request is longer than 65536 bytes".to_owned()),
    ] {
        let answer: serde_json::Value = serde_json::from_str(&asked(&installation, line)).unwrap();
        let expected = serde_json::json!({"version": version, "error": {"code": code, "message": message}});
        assert_eq!(answer, expected);
    }
    // One that says nothing keeps nobody else waiting.
    let _silent: Vec<_> =
        (0..20).map(|_| UnixStream::connect(installation.path("admin.sock")).unwrap()).collect();
    assert!(asked(&installation, b"{\"verb\":\"status\"}\n").starts_with("{\"version\":"));
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_by_several_programs_at_once_are_one_change() {
    let (installation, idp) = installed().await;
    let process = installation.start();
    installation.write("config.toml", text(&installation) + &provider("second", idp.base_url()));
    let programs: Vec<_> =
        (0..4).map(|_| verb(&installation, &["reload"]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    process.signal(Signal::HUP);
    for program in programs {
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("generation 2: "), "{said}");
    }
    assert_eq!(process.terminate().0, Some(0));
}
