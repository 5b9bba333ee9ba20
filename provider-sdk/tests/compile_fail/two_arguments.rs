use vestibule_provider::prelude::*;

pub struct Example;

#[derive(Deserialize, JsonSchema)]
pub struct Config {}

impl OAuthProvider for Example {
    const NAME: &'static str = "example";
    type Config = Config;
    fn configure(_: Config) -> Result<Self> {
        Ok(Self)
    }
    fn inspect(&self) -> Inspect {
        unreachable!()
    }
    async fn authorize_url(&self, _: &Host, _: AuthorizeRequest) -> Result<Authorize> {
        Err(Error::denied())
    }
    async fn exchange_code(&self, _: &Host, _: CodeExchange) -> Result<TokenSet> {
        Err(Error::denied())
    }
    async fn fetch_user_info(&self, _: &Host, _: &TokenSet) -> Result<UserInfo> {
        Err(Error::denied())
    }
}

export_provider!(Example, "example");

fn main() {}
