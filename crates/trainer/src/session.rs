//! Commands in, events out.

use crate::check;
use crate::compute::Compute;
use crate::files::Files;
use crate::inbox::{Heard, Inbox};
use crate::loaded::Loaded;
use crate::{methods, preview, training, write};
use futures_util::Stream;
use smolder_kernels::gpu::Gpu;
use smolder_protocol::model::{Failure, Task};
use smolder_protocol::train::{DeviceChoice, TrainCommand};
use smolder_protocol::{Command, DataCommand, DataEvent, Event, ModelCommand, ModelEvent, Problem};
use std::ops::ControlFlow;

/// Answers `commands` one after another, telling `emit` what happens, until the stream ends; what they name is found
/// in `files`.
///
/// The first event is [`Event::Ready`] with `build`, the identity of the caller's build. A GPU that is lost while
/// no command runs is reported as [`Event::Failed`] and opened anew by the next command that needs one.
/// [`Command::Storage`] is for the caller, whose files they are.
pub async fn run<F: Files>(
    build: &str,
    files: F,
    commands: impl Stream<Item = Command> + Unpin,
    mut emit: impl FnMut(Event),
) {
    emit(Event::Ready { build: build.to_owned() });
    let mut inbox = Inbox::new(commands);
    let mut session = Session { files, gpu: None, loaded: None };
    while let Some(heard) = inbox.next(session.gpu.as_ref()).await {
        match heard {
            Heard::Command(Command::Check) => {
                let check = check::run(&mut session.gpu, &mut emit).await;
                emit(Event::Checked(check));
            }
            Heard::Command(Command::Methods) => emit(Event::Methods(methods::all())),
            Heard::Command(Command::Data(command)) => emit(Event::Data(session.data(command).await)),
            Heard::Command(Command::Model(command)) => session.model(command, &mut inbox, &mut emit).await,
            Heard::Command(Command::Train(TrainCommand::Start { config, resume })) => {
                let Session { files, gpu, loaded } = &mut session;
                let mut told = inbox.of_run();
                training::start(files, (gpu, loaded), (*config, resume), &mut told, &mut emit).await;
            }
            Heard::Command(Command::Estimate { id, config }) => {
                let Session { files, gpu, loaded } = &mut session;
                let plan = training::estimate(files, (gpu, loaded), *config, &mut emit).await;
                emit(Event::Estimated { id, plan });
            }
            // Nothing goes on that these could be meant for; files are the caller's.
            Heard::Command(Command::Cancel | Command::Train(_) | Command::Storage(_)) => {}
            Heard::Lost(reason) => {
                session.lose_gpu();
                emit(Event::Failed(Problem::DeviceLost { reason }));
            }
        }
    }
}

/// What outlives a command.
struct Session<F: Files> {
    files: F,
    gpu: Option<Gpu>,
    loaded: Option<Loaded<F::Reader>>,
}

impl<F: Files> Session<F> {
    /// Nothing on a GPU outlives it.
    fn lose_gpu(&mut self) {
        self.gpu = None;
        self.loaded = self.loaded.take().filter(|loaded| !loaded.compute.is_gpu());
    }

    async fn data(&mut self, command: DataCommand) -> DataEvent {
        let DataCommand::Preview { id, config, rows } = command;
        match preview::preview(&mut self.files, &config, rows).await {
            Ok(preview) => DataEvent::Previewed { id, preview },
            Err(failure) => DataEvent::Refused { id, failure },
        }
    }

    /// Gives the model's memory back, which the device would keep for later.
    fn unload(&mut self) {
        if let Some(loaded) = self.loaded.take() {
            let device = loaded.compute.device().clone();
            drop(loaded);
            device.memory_cleanup();
        }
    }

    async fn model(
        &mut self,
        command: ModelCommand,
        inbox: &mut Inbox<impl Stream<Item = Command> + Unpin>,
        emit: &mut impl FnMut(Event),
    ) {
        let (task, answer) = match command {
            ModelCommand::Load { model, device } => {
                (Task::Load, self.load(&model, device, inbox, emit).await.map(ModelEvent::Loaded))
            }
            ModelCommand::Generate(asked) => {
                let Self { files, loaded, .. } = self;
                let written = match loaded {
                    Some(loaded) => write::run(&asked, loaded, files, inbox, emit).await,
                    None => Err(Failure::NoModel),
                };
                (Task::Generate(asked.id), written.map(ModelEvent::Written))
            }
            ModelCommand::Unload => {
                self.unload();
                return emit(Event::Model(ModelEvent::Unloaded));
            }
        };
        let event = match answer {
            Ok(event) => event,
            Err(failure) => {
                self.recover(&failure);
                ModelEvent::Refused { task, failure, still_loaded: self.loaded.is_some() }
            }
        };
        emit(Event::Model(event));
    }

    /// Makes the next command start on a device that works: one that had no memory tells of that again with whatever is
    /// read next.
    fn recover(&mut self, from: &Failure) {
        if *from == Failure::OutOfMemory && self.loaded.as_ref().is_none_or(|one| one.compute.is_gpu()) {
            if let Some(gpu) = &self.gpu {
                gpu.destroy();
            }
            self.lose_gpu();
        }
        if let Failure::Device(_) = from {
            self.lose_gpu();
        }
    }

    async fn load(
        &mut self,
        name: &str,
        device: DeviceChoice,
        inbox: &mut Inbox<impl Stream<Item = Command> + Unpin>,
        emit: &mut impl FnMut(Event),
    ) -> Result<smolder_protocol::model::Loaded, Failure> {
        // Before its successor, which may need the memory.
        self.unload();
        let compute = Compute::choose(device, &mut self.gpu).await.map_err(Failure::Device)?;
        let mut progress = |done_bytes, total_bytes| {
            if inbox.cancelled() {
                return ControlFlow::Break(());
            }
            emit(Event::Model(ModelEvent::Loading { done_bytes, total_bytes }));
            ControlFlow::Continue(())
        };
        let loaded = Loaded::load(&mut self.files, name, compute, &mut progress).await?;
        let facts = loaded.describe();
        self.loaded = Some(loaded);
        Ok(facts)
    }
}
