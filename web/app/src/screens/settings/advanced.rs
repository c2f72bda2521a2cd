//! Everything that a preset decides, folded away.

use super::field::{Chosen, Named, Switched, Typed};
use super::method::MethodOptions;
use crate::choices::Choices;
use crate::form;
use crate::preferences::Preferences;
use crate::text::Phrases;
use leptos::prelude::*;
use smolder_protocol::train::{DeviceChoice, LossOn, ScheduleKind};

const SCHEDULES: [Named<ScheduleKind>; 4] = [
    (ScheduleKind::Constant, |t| t.settings.constant),
    (ScheduleKind::Linear, |t| t.settings.linear),
    (ScheduleKind::Cosine, |t| t.settings.cosine),
    (ScheduleKind::Wsd, |t| t.settings.wsd),
];
const LOSSES: [Named<LossOn>; 4] = [
    (LossOn::Assistant, |t| t.settings.loss_assistant),
    (LossOn::All, |t| t.settings.loss_all),
    (LossOn::Completion, |t| t.settings.loss_completion),
    (LossOn::LastTurn, |t| t.settings.loss_last_turn),
];
const DEVICES: [Named<DeviceChoice>; 3] = [
    (DeviceChoice::Auto, |t| t.settings.device_auto),
    (DeviceChoice::Gpu, |t| t.settings.device_gpu),
    (DeviceChoice::Cpu, |t| t.settings.device_cpu),
];

#[component]
pub(super) fn Advanced() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let group = move |name: fn(&Phrases) -> &'static str| view! { <h3>{move || name(t())}</h3> };
    view! {
        <details class="fold advanced">
            <summary><h2>{move || t().settings.advanced}</h2></summary>
            <MethodOptions/>
            {group(|t| t.settings.group_length)}
            <div class="fields">
                <Typed field=form::EPOCHS label=|t| t.settings.epochs/>
                <Typed field=form::STEPS label=|t| t.settings.steps/>
            </div>
            {group(|t| t.settings.group_rate)}
            <div class="fields">
                <Typed field=form::LR label=|t| t.settings.lr empty=|t| t.settings.lr_default/>
                <Chosen label=|t| t.settings.schedule all=&SCHEDULES read=|c| c.schedule write=|c, to| c.schedule = to/>
                <Typed field=form::WARMUP label=|t| t.settings.warmup/>
                <Typed field=form::WEIGHT_DECAY label=|t| t.settings.weight_decay/>
                <Typed field=form::CLIP label=|t| t.settings.clip/>
            </div>
            {group(|t| t.settings.group_batches)}
            <div class="fields">
                <Typed field=form::BATCH_SIZE label=|t| t.settings.batch_size/>
                <Typed field=form::GRAD_ACCUM label=|t| t.settings.grad_accum/>
                <Typed field=form::SEQ_LEN label=|t| t.settings.seq_len/>
                <Chosen label=|t| t.settings.loss_on all=&LOSSES read=|c| c.loss_on write=|c, to| c.loss_on = to/>
                <Switched label=|t| t.settings.packing read=|c| c.packing write=|c, on| c.packing = on/>
            </div>
            {group(|t| t.settings.group_evaluation)}
            <div class="fields">
                <Typed field=form::EVAL_SPLIT label=|t| t.settings.eval_split/>
                <Typed field=form::EVAL_EVERY label=|t| t.settings.eval_every/>
                <Typed field=form::PATIENCE label=|t| t.settings.patience/>
                <Typed field=form::SAMPLE_EVERY label=|t| t.settings.sample_every/>
                <Prompts/>
            </div>
            {group(|t| t.settings.group_rest)}
            <div class="fields">
                <Chosen label=|t| t.settings.device all=&DEVICES read=|c| c.device write=|c, to| c.device = to/>
                <Typed field=form::CHECKPOINT_EVERY label=|t| t.settings.checkpoint_every/>
                <Typed field=form::SEED label=|t| t.settings.seed/>
                <Switched label=|t| t.settings.shuffle read=|c| c.shuffle write=|c, on| c.shuffle = on/>
            </div>
        </details>
    }
}

/// Prompts that are answered while training.
#[component]
fn Prompts() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let write = move |event| {
        let prompts = form::prompts(&event_target_value(&event));
        choices.change(|config| {
            config.samples = prompts;
            // Without a prompt there is nothing to repeat.
            config.sample_every = config.sample_every.filter(|_| !config.samples.is_empty());
        });
    };
    view! {
        <label class="field wide">
            <span>{move || t().settings.samples}</span>
            <textarea
                rows="3"
                name="samples"
                prop:value=move || choices.config.with(|config| config.samples.join("\n"))
                on:change=write
            ></textarea>
        </label>
    }
}
