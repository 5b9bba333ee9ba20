//! One configured provider: made of a plugin and settings, inspected, and ready for `begin` and `complete`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use vestibule_abi as abi;

use abi::record::{CreateRequest, Failure, HostInfo, code, operation};

use super::error::{CreateError, OperationError, one_line};
use super::health::{Health, HealthReport, Operation};
use super::in_process::InProcess;
use super::inspected::{Inspected, Policy};
use super::operation::Driver;
use super::places::Issuer;
use super::services::egress::Egress;
use super::services::http::Http;
use super::services::secrets::Vault;
use super::services::{Known, Services};
use super::transport::{NotCreated, Transport};
use super::worker::Worker;
use super::{Begin, Code, Plugin, Shared, account, begin, inspected};
use crate::name::ProviderName;

/// What the configuration says about a provider besides its settings.
#[derive(Debug, Clone)]
pub struct ProviderOptions {
    /// Its name.
    pub name: ProviderName,
    /// Networks opened by `allow_networks`.
    pub allow_networks: Vec<IpNet>,
    /// Whether `public_url` is plain http on loopback, so that providers may be there as well.
    pub loopback_allowed: bool,
}

/// A provider that is ready.
pub struct Provider {
    driver: Driver,
    inspected: Inspected,
    loopback_allowed: bool,
    health: Health,
}

/// An account that a provider proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// Within all limits.
    pub account: abi::record::Account,
    /// What the token endpoint gave, where the plugin hands it over.
    pub tokens: Option<abi::record::Tokens>,
}

impl Provider {
    /// Makes a provider: handles take the place of secrets, then the plugin creates and inspects it. The settings were
    /// checked against the plugin's schema before; `secrets` are those that it marks. Needs a tokio runtime.
    pub async fn create(
        plugin: &Arc<Plugin>,
        settings: Map<String, Value>,
        secrets: BTreeMap<String, SecretString>,
        options: ProviderOptions,
        shared: &Shared,
    ) -> Result<Self, CreateError> {
        let secret_keys = &plugin.description().secret_keys;
        check_sides(&settings, &secrets, secret_keys)?;
        let vault = Arc::new(Vault::new(secrets, &*shared.random)?);
        let request = create_request(settings, &vault)?;
        let limits = shared.limits;
        let made: Result<Box<dyn Transport>, NotCreated> = match &plugin.code {
            Code::Linked(module) => InProcess::create(*module, request, limits.step)
                .await
                .map(|made| Box::new(made) as Box<dyn Transport>),
            Code::Sealed(library) => {
                let (workers, name) = (shared.workers.clone(), options.name.clone());
                let (library, clock) = (Arc::clone(library), Arc::clone(&shared.clock));
                Worker::create(workers, name, library, request, limits, clock)
                    .await
                    .map(|made| Box::new(made) as Box<dyn Transport>)
            }
        };
        let driver = Driver {
            provider: options.name,
            transport: made.map_err(|why| not_created(why, &vault))?,
            vault: Arc::clone(&vault),
            services: OnceLock::new(),
            places: Arc::new(Semaphore::new(limits.operations)),
            limits,
            clock: Arc::clone(&shared.clock),
            random: Arc::clone(&shared.random),
        };
        let failed = |error| CreateError::Plugin { stage: operation::INSPECT, error };
        let place = driver.place().map_err(failed)?;
        let answer = driver.run(operation::INSPECT, Value::Null, None, place).await.map_err(failed)?;
        let answer = record(operation::INSPECT, answer).map_err(failed)?;
        let inspected =
            inspected::read(answer, secret_keys, options.loopback_allowed).map_err(CreateError::Inspect)?;
        let egress = Arc::new(Egress {
            allow_networks: options.allow_networks,
            loopback_allowed: options.loopback_allowed,
        });
        let health = Health::new(driver.provider.clone(), Arc::clone(&shared.clock));
        let http = Http {
            client: shared.clients.of(&egress)?,
            egress,
            vault,
            deadline: limits.request,
            requests: Arc::clone(health.requests()),
        };
        let loopback_allowed = options.loopback_allowed;
        let services = Services::new(http, &inspected.declaration, &shared.clock, loopback_allowed);
        driver.services.get_or_init(|| services);
        Ok(Self { driver, inspected, loopback_allowed: options.loopback_allowed, health })
    }

    /// Its name by the configuration.
    pub fn name(&self) -> &ProviderName {
        &self.driver.provider
    }

    /// How many operations run at this moment, those included that wait for the issuer's metadata.
    pub fn running(&self) -> usize {
        self.driver.running()
    }

    /// What it is with its settings.
    pub fn inspect(&self) -> &Inspected {
        &self.inspected
    }

    /// What its last operations saw, for the operator.
    pub fn health(&self) -> HealthReport {
        self.health.report(self.driver.running())
    }

    /// How its operations and requests ended, for the metrics.
    pub fn watched(&self) -> &Health {
        &self.health
    }

    /// Asks an origin that it may reach for its front page, as the host and with no secret: the status, and the header `Date`
    /// as it came. For an operator who wants to know whether the origin is there.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn probe(&self, origin: &str) -> Result<(u16, Option<String>), String> {
        let url = url::Url::parse(origin).map_err(|error| error.to_string())?;
        let services = self.driver.services.get().ok_or("it was not inspected")?;
        let received = services.fetch(url).await.map_err(|failure| failure.message)?;
        let date = received.headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("date"));
        Ok((received.status, date.map(|(_, value)| value)))
    }

    /// The issuer expected in a callback's `iss` (RFC 9207). Where the metadata says it, fails as [`begin`](Self::begin)
    /// does while that cannot be fetched, and counts as an operation while it waits for that.
    pub async fn issuer(&self) -> Result<Option<Issuer>, OperationError> {
        let mut known = std::pin::pin!(self.driver.known());
        let at_hand = tokio::select! {
            biased;
            known = &mut known => Some(known),
            () = std::future::ready(()) => None,
        };
        let known = match at_hand {
            Some(known) => known?,
            None => {
                let waited = async {
                    let _place = self.driver.place()?;
                    known.await
                };
                self.health.watch(Operation::Discover, waited).await?
            }
        };
        Ok(known.and_then(|known| known.places.issuer.clone()))
    }

    /// Asks where to send the browser. `nonce` and `code_challenge` are left out where `inspect` turned them off; where it
    /// did not, both must be given.
    pub async fn begin(&self, request: abi::record::BeginRequest) -> Result<Begin, OperationError> {
        self.health.watch(Operation::Begin, self.ask_where(request)).await
    }

    async fn ask_where(&self, mut request: abi::record::BeginRequest) -> Result<Begin, OperationError> {
        request.nonce = request.nonce.filter(|_| self.inspected.nonce != Policy::Off);
        request.code_challenge = request.code_challenge.filter(|_| self.inspected.pkce != Policy::Off);
        let (answer, known) = self.run(operation::BEGIN, &request).await?;
        begin::check(answer, &request, &self.inspected, &known.places.origins, self.loopback_allowed)
    }

    /// Asks whose account a callback proves. The caller has checked state, issuer, browser and provider.
    pub async fn complete(&self, request: abi::record::CompleteRequest) -> Result<Completed, OperationError> {
        self.health.watch(Operation::Complete, self.ask_who(request)).await
    }

    async fn ask_who(&self, request: abi::record::CompleteRequest) -> Result<Completed, OperationError> {
        let (answer, _): (abi::record::CompleteAnswer, _) = self.run(operation::COMPLETE, &request).await?;
        Ok(Completed { account: account::check(answer.account)?, tokens: answer.tokens })
    }

    /// What is done once a minute: a worker that nobody needs is ended.
    pub fn sweep(&self) {
        self.driver.transport.sweep();
    }

    /// One snapshot of the metadata holds for the whole operation; who waits for it has a place already.
    async fn run<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: &impl Serialize,
    ) -> Result<(T, Arc<Known>), OperationError> {
        let request = serde_json::to_value(request)
            .map_err(|_| OperationError::protocol("the host's own request cannot be written"))?;
        let place = self.driver.place()?;
        let known = self.driver.known().await?;
        let known = known.ok_or_else(|| OperationError::protocol("the provider was not inspected"))?;
        let answer = self.driver.run(operation, request, Some(&known), place).await?;
        Ok((record(operation, answer)?, known))
    }
}

/// The name only.
impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider {{ {} }}", self.driver.provider)
    }
}

/// The parser's text is left out: it repeats what it read, and results hold tokens.
fn record<T: DeserializeOwned>(operation: &str, answer: Value) -> Result<T, OperationError> {
    serde_json::from_value(answer).map_err(|_| {
        OperationError::protocol(format!("the answer to `{operation}` is not the expected record"))
    })
}

/// A secret among the settings would reach the plugin as itself; a setting among the secrets, as a handle.
fn check_sides(
    settings: &Map<String, Value>,
    secrets: &BTreeMap<String, SecretString>,
    secret_keys: &[String],
) -> Result<(), CreateError> {
    if let Some(key) = settings.keys().find(|key| secret_keys.contains(key)) {
        let why = format!("it is a secret: write `{key}_file` or `{key}_env`");
        return Err(CreateError::Setting { key: key.clone(), why });
    }
    if let Some(key) = secrets.keys().find(|key| !secret_keys.contains(key)) {
        let why = format!("it is no secret: write `{key}` itself, without `_file` or `_env`");
        return Err(CreateError::Setting { key: key.clone(), why });
    }
    Ok(())
}

fn create_request(mut settings: Map<String, Value>, vault: &Vault) -> Result<Vec<u8>, CreateError> {
    for (key, handle) in vault.handles() {
        settings.insert(key.to_owned(), Value::from(handle));
    }
    let host = HostInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provides: super::description::PROVIDED.iter().map(|&p| p.to_owned()).collect(),
    };
    let request = CreateRequest { settings: Value::Object(settings), host };
    abi::message::Message::new(&request).and_then(|m| m.encode()).map_err(|e| CreateError::Plugin {
        stage: "create",
        error: OperationError::protocol(format!("the settings: {e}")),
    })
}

fn not_created(why: NotCreated, vault: &Vault) -> CreateError {
    let error = match why {
        NotCreated::Gone(error) => error,
        NotCreated::Refused(bytes) => {
            match abi::message::Message::decode(&bytes).and_then(|m| m.record::<Failure>()) {
                Err(why) => OperationError::protocol(format!("the answer to `create`: {why}")),
                Ok(failure) => match vault.keep_out_of("an error's text", failure.message.as_bytes()) {
                    Err(leak) => leak,
                    Ok(()) if failure.code == code::BAD_SETTINGS => {
                        return CreateError::Refused(one_line(&failure.message));
                    }
                    Ok(()) => OperationError::from_failure(&failure),
                },
            }
        }
    };
    CreateError::Plugin { stage: "create", error }
}
