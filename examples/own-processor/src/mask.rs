//! The `mask` processor: hides the values of attributes of items.

use async_trait::async_trait;
use otel_core::Invalid;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Host, Next, Processor, ProcessorFactory,
};
use otel_core::config::{Decode, Fields};
use otel_core::pdata::Signal;

/// The keys of `mask` in YAML, and what code composes pipelines from.
#[derive(Debug, Clone, Default)]
pub(crate) struct MaskConfig {
    /// The keys of the attributes to hide.
    pub(crate) keys: Vec<String>,
}

impl Decode for MaskConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.required("keys", &mut self.keys);
    }
}

impl ComponentConfig for MaskConfig {
    const TYPE: &'static str = "mask";

    fn validate(&self) -> Vec<Invalid> {
        if self.keys.is_empty() { vec![Invalid::new("keys", "must name an attribute")] } else { Vec::new() }
    }
}

impl<S: Signal> ProcessorFactory<S> for MaskConfig {
    fn create(&self, _: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        Ok(Box::new(Mask { keys: self.keys.clone() }))
    }
}

#[derive(Debug)]
struct Mask {
    keys: Vec<String>,
}

impl Component for Mask {}

#[async_trait]
impl<S: Signal> Processor<S> for Mask {
    async fn process(&self, mut data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        data.edit(|item| {
            let mut attributes = item.attributes();
            for key in &self.keys {
                attributes.update(key, "***");
            }
        });
        next.consume(data, context).await
    }
}

#[cfg(test)]
mod tests {
    use otel_core::engine::{Graph, Options};
    use otel_core::pdata::Traces;
    use otel_core::pdata::build::TracesBuilder;
    use otel_core::pdata::view::AnyValue;
    use otel_core::testing::{Sink, Source};

    use super::*;

    #[tokio::test]
    async fn hides_the_values_of_the_keys_and_no_others() {
        let (source, sink) = (Source::<Traces>::new(), Sink::<Traces>::new());
        let mut graph = Graph::new();
        let (from, to) = (graph.receiver("source", source.clone()), graph.exporter("sink", sink.clone()));
        let mask = MaskConfig { keys: vec!["user.email".to_owned()] };
        graph.pipeline::<Traces>("traces").from(&from).through("mask", mask).to(&to);
        let running = graph.start(Options::default()).await.unwrap();

        let mut traces = TracesBuilder::new();
        traces.resource(|_| {}).scope(|_| {}).span(|span| {
            span.attribute("user.email", "a@b.c").attribute("http.route", "/cart");
        });
        source.send(traces.finish()).await.unwrap();
        assert!(running.shutdown().await.is_clean());

        let received = sink.received();
        let span = received[0].iter().next().unwrap();
        assert_eq!(span.item().attributes().get("user.email"), Some(AnyValue::Str("***")));
        assert_eq!(span.item().attributes().get("http.route"), Some(AnyValue::Str("/cart")));
    }

    #[test]
    fn a_mask_of_nothing_is_a_mistake_that_is_shown_where_it_is() {
        let error = otel_core::config::from_yaml::<MaskConfig>("mask.yaml", "keys: []\n").unwrap_err();
        assert!(error.to_string().contains("must name an attribute"), "{error}");
        assert!(error.to_string().contains("mask.yaml:1"), "{error}");
    }
}
