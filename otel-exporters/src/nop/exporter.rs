use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Exporter, ExporterFactory, Host,
};
use otel_core::config::{Decode, Fields};
use otel_core::pdata::Signal;

/// The configuration of the `nop` exporter, which has no keys.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NopExporterConfig {}

impl Decode for NopExporterConfig {
    fn decode(&mut self, _fields: &mut Fields<'_>) {}
}

impl ComponentConfig for NopExporterConfig {
    const TYPE: &'static str = "nop";
}

impl<S: Signal> ExporterFactory<S> for NopExporterConfig {
    fn create(&self, _host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        Ok(Box::new(NopExporter))
    }
}

/// Takes everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NopExporter;

impl Component for NopExporter {}

#[async_trait]
impl<S: Signal> Exporter<S> for NopExporter {
    async fn export(&self, _data: S, _context: Context) -> Result<(), ConsumeError> {
        Ok(())
    }
}
