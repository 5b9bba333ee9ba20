//! The page: all counters, as Prometheus reads them. What each family means is in `docs/operator.md`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry as Families;

use super::{Ends, State};
use crate::count::{Closed, Counts, Measured};
use crate::plugin::Provider;
use crate::registry::{Entry, Registry};
use crate::router::ROUTES;
use crate::state::SharedApp;

/// Made for one answer, of the registry that is in force then.
struct Page {
    app: SharedApp,
    registry: Arc<Registry>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

/// The whole text.
pub(super) fn write(app: &SharedApp) -> Result<String, fmt::Error> {
    let registry = app.registry.load_full();
    app.metrics.forget_all_but(&registry);
    let mut families = Families::default();
    families.register_collector(Box::new(Page { app: Arc::clone(app), registry }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &families)?;
    Ok(text)
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        self.server(to)?;
        self.requests(to)?;
        self.sign_ins(to)?;
        self.states(to)?;
        self.operations(to)?;
        self.of_the_database(to)
    }
}

impl Page {
    fn server(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut build =
            to.encode_descriptor("vestibule_build_info", "The running version", None, MetricType::Gauge)?;
        build.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?.encode_gauge(&1_u32)?;
        let help = "How often the set of providers was swapped, the start included";
        let mut generation =
            to.encode_descriptor("vestibule_registry_generation", help, None, MetricType::Gauge)?;
        generation.encode_gauge(&self.registry.generation)
    }

    fn requests(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            Family::counter(to, "vestibule_http_requests", "Answers, by route and class of status")?;
        let routes = ROUTES.iter().copied().chain(["other"]);
        for (route, counts) in routes.zip(&self.app.metrics.requests) {
            for (class, count) in counts.read() {
                family.count(&[("route", route), ("status", class.name())], count)?;
            }
        }
        let mut family =
            Family::counter(to, "vestibule_session_checks", "Questions who a browser is, by answer")?;
        family.each(&self.app.sessions.checks, "result")
    }

    fn sign_ins(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let ends = |family: &mut Family<'_>, entry: &Entry, ends: &Ends| {
            let provider = ("provider", entry.name.as_str());
            family.count(&[provider, ("outcome", "ok")], ends.ok.load(Ordering::Relaxed))?;
            ends.failed.read().try_for_each(|(kind, count)| {
                family.count(&[provider, ("outcome", &kind.name().replace('-', "_"))], count)
            })
        };
        let help = "Buttons pressed, by how that ended: ok is a browser sent to the provider";
        let mut family = Family::counter(to, "vestibule_sign_in_begins", help)?;
        for entry in self.registry.all() {
            ends(&mut family, entry, &self.app.metrics.sign_ins(entry).begun)?;
        }
        let help = "Browsers that came back from the provider, by how that ended: ok is a session";
        let mut family = Family::counter(to, "vestibule_sign_ins", help)?;
        for entry in self.registry.all() {
            ends(&mut family, entry, &self.app.metrics.sign_ins(entry).finished)?;
        }
        let mut family = Family::counter(
            to,
            "vestibule_users_created",
            "Users made, by the provider of their first sign-in",
        )?;
        for entry in self.registry.all() {
            let users = self.app.metrics.sign_ins(entry).users.load(Ordering::Relaxed);
            family.count(&[("provider", entry.name.as_str())], users)?;
        }
        Ok(())
    }

    fn states(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 for the state that a provider is in, 0 for the others";
        let mut family = to.encode_descriptor("vestibule_provider_state", help, None, MetricType::Gauge)?;
        for entry in self.registry.all() {
            let current = State::of(entry);
            for state in State::ALL {
                let labels = [("provider", entry.name.as_str()), ("state", state.name())];
                family.encode_family(&labels)?.encode_gauge(&u32::from(*state == current))?;
            }
        }
        Ok(())
    }

    /// The providers that run, by name.
    fn running(&self) -> impl Iterator<Item = (&str, &Provider)> {
        let running = |entry: &'_ Arc<Entry>| entry.running.is_ok();
        let entries = self.registry.all().filter(move |entry| running(entry));
        entries.filter_map(|entry| Some((entry.name.as_str(), &*entry.running.as_ref().ok()?.provider)))
    }

    fn operations(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            Family::counter(to, "vestibule_operations", "Calls into a provider's plugin, by how they ended")?;
        for (name, provider) in self.running() {
            for (operation, tally) in provider.watched().tallies() {
                for (ended, count) in tally.ended.read() {
                    let labels =
                        [("provider", name), ("operation", operation.name()), ("outcome", ended.name())];
                    family.count(&labels, count)?;
                }
            }
        }
        let help = "Calls into a provider's plugin that run now";
        let mut family =
            to.encode_descriptor("vestibule_operations_running", help, None, MetricType::Gauge)?;
        for (name, provider) in self.running() {
            let running = u64::try_from(provider.health().running).unwrap_or(u64::MAX);
            family.encode_family(&[("provider", name)])?.encode_gauge(&running)?;
        }
        let help = "How long calls into a provider's plugin took, its requests to the provider included";
        let mut family =
            to.encode_descriptor("vestibule_operation_duration_seconds", help, None, MetricType::Histogram)?;
        for (name, provider) in self.running() {
            for (operation, tally) in provider.watched().tallies() {
                let Measured { buckets, sum } = tally.took.read();
                let count = buckets.iter().map(|(_, count)| count).sum();
                let labels = [("provider", name), ("operation", operation.name())];
                family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        let help = "Requests of this server to a provider, by class of status or by why there was none";
        let mut family = Family::counter(to, "vestibule_provider_requests", help)?;
        for (name, provider) in self.running() {
            for (ended, count) in provider.watched().requests().read() {
                family.count(&[("provider", name), ("outcome", ended.name())], count)?;
            }
        }
        Ok(())
    }

    fn of_the_database(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Steps that the database did not do, by why not";
        let mut family = Family::counter(to, "vestibule_database_errors", help)?;
        family.each(self.app.store.errors(), "kind")
    }
}

/// A family of counters that is being written. `_total` is put behind its name by whoever writes it.
struct Family<'a>(prometheus_client::encoding::MetricEncoder<'a>);

impl<'a> Family<'a> {
    fn counter(
        to: &'a mut DescriptorEncoder<'_>,
        name: &'static str,
        help: &str,
    ) -> Result<Self, fmt::Error> {
        Ok(Self(to.encode_descriptor(name, help, None, MetricType::Counter)?))
    }

    fn count(&mut self, labels: &impl EncodeLabelSet, count: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    /// Every value of a closed set.
    fn each<L: Closed>(&mut self, counts: &Counts<L>, label: &'static str) -> fmt::Result {
        counts.read().try_for_each(|(value, count)| self.count(&[(label, value.name())], count))
    }
}
