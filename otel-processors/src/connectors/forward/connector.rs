use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, Connector, ConnectorFactory, ConsumeError, Context, Host, Router,
};
use otel_core::config::{Decode, Fields};
use otel_core::pdata::Signal;

/// The configuration of the `forward` connector: it has no keys.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ForwardConfig {}

impl Decode for ForwardConfig {
    fn decode(&mut self, _: &mut Fields<'_>) {}
}

impl ComponentConfig for ForwardConfig {
    const TYPE: &'static str = "forward";
}

impl<S: Signal> ConnectorFactory<S, S> for ForwardConfig {
    fn create(&self, _: &Host) -> Result<Box<dyn Connector<S, S>>, BuildError> {
        Ok(Box::new(ForwardConnector))
    }
}

/// Hands everything on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForwardConnector;

impl Component for ForwardConnector {}

#[async_trait]
impl<S: Signal> Connector<S, S> for ForwardConnector {
    async fn connect(&self, data: S, context: Context, outputs: &Router<S>) -> Result<(), ConsumeError> {
        outputs.all().consume(data, context).await
    }
}
