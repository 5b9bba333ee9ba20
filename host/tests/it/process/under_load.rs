//! An operator's work and killed workers at one provider while people sign in at three: nobody at the others notices, and
//! at that one nobody but those whose worker was killed in the middle of their sign-in.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::task::JoinSet;
use vestibule_demo_idp::Personality;
use vestibule_demo_idp::visitor::VisitError;

use super::plugin_files::old;
use super::*;
use crate::workers;

/// Each has an upgrade, a rollback, a killed worker, and [`RELOADS`].
const ROUNDS: usize = 20;
/// So many of them come first, so that what is filled for good is full.
const WARM: usize = 3;
/// In one round, beside the two that bring the other file.
const RELOADS: usize = 5;
/// How many sign in at each provider at once.
const PEOPLE: usize = 3;
/// How much the server's memory may grow over all rounds, in KiB.
const GROWTH: usize = 24 << 10;

/// Three plugins, one provider of each.
const PROVIDERS: [(&str, Personality); 3] =
    [("github", Personality::GitHub), ("gitlab", Personality::GitLab), ("oidc", Personality::Oidc)];

/// A server with three providers, each at a demo-idp of its own.
struct Place {
    installation: Installation,
    idps: Vec<DemoIdp>,
}

impl Place {
    async fn new() -> Self {
        let installation = Installation::new();
        let mut text = "admin_socket = \"admin.sock\"\nbegin_rate = \"100000/min\"\n".to_owned();
        installation.write("old.so", old());
        let mut idps = Vec::new();
        for (name, who) in PROVIDERS {
            // A fault that slows it down holds a sign-in for about a second.
            let options = Options { slow_pause: Duration::from_millis(5), ..Options::of(who) };
            let idp = DemoIdp::start(options).await.unwrap();
            let back = format!("{}/auth/{name}/callback", installation.url());
            assert!(idp.register_redirect_uri(CLIENT_ID, &back));
            let file = match who {
                Personality::GitHub => installation.path("old.so"),
                _ => library(name),
            };
            let pin = data_encoding::HEXLOWER.encode(&sha256(&fs::read(&file).unwrap()));
            let issuer = match who {
                Personality::Oidc => format!("issuer = \"{}\"", idp.issuer()),
                _ => format!("base_url = \"{}\"", idp.base_url()),
            };
            text += &format!(
                "[plugin.{name}]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n[provider.{name}]\nlabel = \"{name}!\"\n\
                 [provider.{name}.settings]\n{issuer}\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"client-secret\"\n",
                file.display()
            );
            idps.push(idp);
        }
        installation.configure(&text);
        Self { installation, idps }
    }

    /// Runs a verb of the program to its end, and gives back what it said.
    fn verb(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.env_clear().args(words).arg("--config").arg(self.installation.path("config.toml"));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{error}");
        said
    }

    fn reload(&self, change: &str) {
        let said = self.verb(&["reload"]);
        assert!(said.contains(change), "{change}: {said}");
    }

    fn rewrite(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.installation.path("config.toml")).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        self.installation.write("config.toml", text.replace(from, to));
    }

    /// How many sign-ins at the changed provider came as far as its token endpoint: that is what `complete` asks for first.
    fn asked_for_tokens(&self) -> usize {
        self.idps[0].requests_to(Endpoint::Token).len()
    }

    /// One round of an operator's, and of bad luck.
    async fn round(&self, number: usize, process: &mut Process) {
        // Bytes behind its end change nothing in a library: a file that was never there before.
        let mut library = fs::read(library("github")).unwrap();
        library.resize(library.len() + number, 0);
        self.installation.write("new.so", library);
        let new = self.installation.path("new.so");
        self.verb(&["plugin", "add", new.to_str().unwrap()]);
        self.reload("github 0.1.0 (another file)");
        // This worker is a new one, so its budget of restarts is whole.
        self.kill(process).await;
        let reloads: [(&str, &str, &str); RELOADS - 1] = [
            ("label = \"github!\"", "label = \"Hub\"", "github with another button"),
            (
                "[provider.github.settings]\n",
                "[provider.github.settings]\nallowed_orgs = []\n",
                "new settings",
            ),
            ("label = \"Hub\"", "label = \"github!\"", "github with another button"),
            ("allowed_orgs = []\n", "", "new settings"),
        ];
        for (from, to, change) in reloads {
            self.rewrite(from, to);
            self.reload(change);
        }
        process.signal(Signal::HUP);
        process.wait_for("reload by SIGHUP: generation ");
        self.verb(&["plugin", "rollback", "github"]);
        self.reload("github 0.1.0 (another file)");
    }

    /// Kills the changed provider's worker, when somebody is in the middle of a sign-in there.
    async fn kill(&self, process: &Process) {
        let server = process.child.id();
        // The one before ends with its last sign-in.
        until(|| workers::of(server, "github").len() == 1).await;
        let before = self.asked_for_tokens();
        self.idps[0].set_fault_times(Endpoint::Token, Fault::Slow, 1);
        until(|| self.asked_for_tokens() > before).await;
        let [worker] = workers::of(server, "github")[..] else { panic!("not one worker") };
        worker.kill();
    }
}

/// People who sign in, one after the other, until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    people: JoinSet<(&'static str, Vec<Result<(), VisitError>>)>,
}

impl Load {
    fn begin(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut people = JoinSet::new();
        for (name, _) in PROVIDERS {
            for _ in 0..PEOPLE {
                let (stop, url) = (Arc::clone(&stop), url.to_owned());
                people.spawn(async move {
                    let mut ends = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let mut visitor = Visitor::new(&url).unwrap();
                        ends.push(visitor.sign_in(name, Some("octavia")).await.map(drop));
                    }
                    (name, ends)
                });
            }
        }
        Self { stop, people }
    }

    async fn end(self, sum: &mut Sum) {
        self.stop.store(true, Ordering::Relaxed);
        for (name, ends) in self.people.join_all().await {
            let at = PROVIDERS.iter().position(|(provider, _)| *provider == name).unwrap();
            sum.done[at] += ends.len();
            sum.failed[at].extend(ends.into_iter().filter_map(Result::err));
        }
    }
}

/// Sign-ins by provider.
#[derive(Default)]
struct Sum {
    done: [usize; 3],
    failed: [Vec<VisitError>; 3],
}

/// What the server holds while nobody signs in.
#[derive(Debug)]
struct Held {
    /// What its descriptors are, sorted. Those of the database are as many as people came at once.
    descriptors: Vec<String>,
    /// As of [`own_memory`].
    memory: usize,
}

impl Held {
    async fn by(process: &Process) -> Self {
        let server = process.child.id();
        until(|| PROVIDERS.iter().all(|(name, _)| workers::of(server, name).len() == 1)).await;
        Self { descriptors: descriptors(server), memory: own_memory(server) }
    }
}

/// What a process has in memory that is no file's, in KiB.
fn own_memory(process: u32) -> usize {
    workers::Seen(process).status("RssAnon").unwrap().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors(process: u32) -> Vec<String> {
    let targets = fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(|entry| {
        let target = fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned();
        Some(if target.starts_with('/') { target } else { target.split(":[").next().unwrap().to_owned() })
    });
    let mut targets: Vec<_> = targets.filter(|target| !target.contains("/vestibule.db")).collect();
    targets.sort();
    targets
}

/// Every one lost its worker by a kill, after that had begun with it: what had not was done again by the next worker.
fn only_killed(failed: &[VisitError], log: &[String]) {
    for error in failed {
        let VisitError::ErrorPage { url, id: Some(id), .. } = error else { panic!("{error}") };
        assert!(url.ends_with("/auth/github/callback"), "{error}");
        let lines: Vec<_> = log.iter().filter(|line| line.contains(id.as_str())).collect();
        assert!(lines.iter().any(|line| line.contains("killed by SIGKILL")), "{error}: {lines:#?}");
    }
}

// With one database, since it takes long, and providers are not the database's business.
#[tokio::test(flavor = "multi_thread")]
async fn reloads_upgrades_rollbacks_and_killed_workers_cost_only_the_killed_their_sign_in() {
    let place = Place::new().await;
    let mut process = place.installation.start();
    let mut sum = Sum::default();
    let (mut held, mut memory) = (Vec::new(), Vec::new());
    for rounds in [WARM, ROUNDS - WARM] {
        let load = Load::begin(&place.installation.url());
        for _ in 0..rounds {
            place.round(memory.len(), &mut process).await;
            memory.push(own_memory(process.child.id()));
        }
        load.end(&mut sum).await;
        held.push(Held::by(&process).await);
    }
    let [before, after] = &held[..] else { unreachable!() };
    // What has just been closed may take a moment.
    until(|| descriptors(process.child.id()).len() <= before.descriptors.len()).await;
    let (code, log) = process.terminate();
    assert_eq!(code, Some(0));
    let kills = log.iter().filter(|line| line.contains("; the next sign-in starts another one")).count();
    eprintln!("sign-ins {:?}, {} failed by {kills} kills; KiB {memory:?}", sum.done, sum.failed[0].len());
    assert_eq!(kills, ROUNDS);
    assert!(sum.failed[1].is_empty() && sum.failed[2].is_empty(), "{:#?}", &sum.failed[1..]);
    only_killed(&sum.failed[0], &log);
    // Whoever failed had been asked for, and nobody was asked for twice.
    assert_eq!(place.asked_for_tokens(), sum.done[0]);
    assert!(after.memory < before.memory + GROWTH, "{} KiB after {} KiB", after.memory, before.memory);
}
