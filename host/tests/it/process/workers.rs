//! The workers of the real server: made by it, and gone with it, however it goes.

use super::*;
use crate::workers;

async fn serving() -> (Installation, DemoIdp, Process) {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let process = installation.start();
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    (installation, idp, process)
}

fn worker_of(process: &Process) -> workers::Seen {
    let found = workers::of(process.child.id(), "github");
    let [worker] = found[..] else { panic!("not one worker: {found:?}") };
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_no_worker_behind() {
    let (_installation, _idp, process) = serving().await;
    let worker = worker_of(&process);
    process.kill();
    until(|| !worker.runs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_leaves_no_worker_behind() {
    let (_installation, _idp, process) = serving().await;
    let worker = worker_of(&process);
    assert_eq!(process.terminate().0, Some(0));
    until(|| !worker.runs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_costs_no_sign_in() {
    let (installation, _idp, process) = serving().await;
    let worker = worker_of(&process);
    worker.kill();
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_ne!(worker_of(&process), worker);
    let (code, said) = process.terminate();
    assert_eq!(code, Some(0));
    let said = said.join("\n");
    // It may have been asked for the next step already.
    let line = said.lines().find(|line| line.contains("the worker was killed by SIGKILL"));
    assert!(line.is_some_and(|line| line.contains("; the next sign-in starts another one")), "{said}");
}

/// A signal to the whole service must not end sign-ins that the server lets finish.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_no_part_in_the_end_of_the_service() {
    let (installation, _idp, process) = serving().await;
    let worker = worker_of(&process);
    let pid = Pid::from_raw(i32::try_from(worker.0).unwrap()).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill_process(pid, signal).unwrap();
    }
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(worker_of(&process), worker);
    assert_eq!(process.terminate().0, Some(0));
}

/// As a service without core files and without the right to raise a limit, which is what a container often is.
#[tokio::test(flavor = "multi_thread")]
async fn workers_start_under_a_server_that_may_raise_no_limit() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let server = installation.command();
    let mut limited = Command::new("prlimit");
    limited.arg("--core=0:0");
    if rustix::process::geteuid().is_root() {
        limited.args(["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]);
    }
    limited.arg(server.get_program()).args(server.get_args());
    let mut process = Process::spawn(&mut limited);
    process.wait_for("ready: github");
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(process.terminate().0, Some(0));
}
