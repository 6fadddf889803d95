use super::{ALLOW_NO_PIPELINES, FeatureGates, Gate, LOCALHOST_DEFAULT, Stage};

#[test]
fn a_stage_decides_what_is_on_and_what_can_change() {
    let mut gates = FeatureGates::default();
    assert!(!gates.is_enabled(&ALLOW_NO_PIPELINES) && gates.is_enabled(&LOCALHOST_DEFAULT));
    gates.set("+service.AllowNoPipelines,-component.UseLocalHostAsDefaultHost").unwrap();
    assert!(gates.is_enabled(&ALLOW_NO_PIPELINES) && !gates.is_enabled(&LOCALHOST_DEFAULT));
    assert!(gates.warnings().is_empty());
    gates.set("pdata.useCustomProtoEncoding").unwrap();
    assert!(gates.warnings()[0].contains("stable and already enabled"), "{:?}", gates.warnings());
    let error = gates.set("-pdata.useCustomProtoEncoding").unwrap_err().to_string();
    assert_eq!(error, r#"feature gate "pdata.useCustomProtoEncoding" is stable, can not be disabled"#);
    gates.register(Gate::new("a.b", Stage::Deprecated, "v0.1.0", ""));
    let error = gates.set("a.b").unwrap_err().to_string();
    assert_eq!(error, r#"feature gate "a.b" is deprecated, can not be enabled"#);
}

#[test]
fn every_wrong_gate_of_a_list_is_told_and_the_right_ones_are_set() {
    let mut gates = FeatureGates::default();
    let error = gates.set("nope,,service.AlowNoPipelines,service.AllowNoPipelines").unwrap_err().to_string();
    assert!(error.starts_with(r#"no such feature gate "nope". valid gates: [component.Use"#), "{error}");
    assert!(error.contains("empty feature gate identifier at index 1"), "{error}");
    assert!(error.contains(r#"did you mean "service.AllowNoPipelines"?"#), "{error}");
    assert!(gates.is_enabled(&ALLOW_NO_PIPELINES));
}

#[test]
fn gates_that_change_nothing_here_warn_only_where_they_would_change_something() {
    let mut gates = FeatureGates::default();
    gates.set("configoptional.AddEnabledField").unwrap();
    assert!(gates.warnings().is_empty());
    gates.set("-configoptional.AddEnabledField,confmap.strictlyTypedInput,k8sattr.rfc3339").unwrap();
    let told = gates.warnings().join("\n");
    for part in ["cannot be switched off", "it is gone", "nothing here has it"] {
        assert!(told.contains(part), "{told}");
    }
}
