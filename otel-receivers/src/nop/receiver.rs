use async_trait::async_trait;
use otel_core::component::{
    BuildError, ComponentConfig, Emits, Host, Outputs, Receiver, ReceiverFactory, StartError,
};
use otel_core::config::{Decode, Fields};
use otel_core::pdata::Signal;

/// The configuration of the `nop` receiver: it has no keys.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NopReceiverConfig {}

impl Decode for NopReceiverConfig {
    fn decode(&mut self, _: &mut Fields<'_>) {}
}

impl ComponentConfig for NopReceiverConfig {
    const TYPE: &'static str = "nop";
}

impl ReceiverFactory for NopReceiverConfig {
    fn create(&self, _: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        Ok(Box::new(NopReceiver))
    }
}

impl<S: Signal> Emits<S> for NopReceiverConfig {}

/// Receives nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NopReceiver;

#[async_trait]
impl Receiver for NopReceiver {
    async fn start(&self, _: Outputs) -> Result<(), StartError> {
        Ok(())
    }
}
