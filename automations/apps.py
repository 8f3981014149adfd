from __future__ import annotations

from collections.abc import Callable

from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "automations"

    def ready(self) -> None:
        from automations import activity as news
        from automations import erasing as forgetting
        from automations import neighbours, receivers, running
        from automations.api.actions import of_template
        from automations.audience import Events
        from automations.bulk import CancelWorker, MoveWorker, ResumeWorker
        from automations.dropping import DropFlowWorker
        from automations.events.deleting import DropEventWorker
        from automations.history import triggers
        from automations.job_words import of_event, of_workflow
        from automations.origins import runs as names_of_mails
        from automations.panels import runs as runs_of_contact
        from automations.schedules import EnrolWorker
        from contacts import erasing, job_words, jobs, panels, signals
        from contacts.api import history
        from contacts.jobs import Worker
        from contacts.models import Job, JobKind
        from contacts.segments import uses, vocabulary
        from plunk.lifecycle import stopping
        from plunk.pages import activity, figures
        from transactional import origins, template_uses
        from transactional import signals as mails
        from transactional.api import template_actions
        from transactional.models import Source

        history.register("triggers", triggers)
        vocabulary.register(Events())
        uses.register(neighbours.uses_of_segment)
        template_uses.register(neighbours.uses_of_templates)
        template_actions.register(of_template)
        erasing.register(forgetting.erase_occurrences)
        erasing.register(forgetting.erase_calls)
        erasing.register(running.forget)
        activity.register(news.occurrences)
        activity.register(news.runs)
        panels.register(runs_of_contact)
        origins.register(Source.WORKFLOW, names_of_mails)
        figures.register(news.figures)

        jobs.register(JobKind.DROP_EVENT, DropEventWorker)
        job_words.register(JobKind.DROP_EVENT, of_event)
        of_runs: dict[JobKind, Callable[[Job], Worker]] = {
            JobKind.ENROL: EnrolWorker,
            JobKind.CANCEL_RUNS: CancelWorker,
            JobKind.RESUME_RUNS: ResumeWorker,
            JobKind.MOVE_RUNS: MoveWorker,
            JobKind.DROP_FLOW: DropFlowWorker,
        }
        for kind, worker in of_runs.items():
            jobs.register(kind, worker)
            job_words.register(kind, of_workflow)
        stopping.connect(_stop_advancing, dispatch_uid="automations")

        signals.contacts_subscribed.connect(receivers.record_subscribed)
        signals.contacts_unsubscribed.connect(receivers.record_unsubscribed)
        signals.segment_entered.connect(receivers.record_entered)
        signals.segment_exited.connect(receivers.record_exited)

        mails.emails_told.connect(receivers.record_mails)
        mails.template_saved.connect(receivers.define_events)
        mails.templates_deleted.connect(receivers.abandon_events)


def _stop_advancing(**_: object) -> None:
    """Begin no other batch; the one in hand is a transaction and ends as it may.

    Nor any call of a webhook; those under way are waited for when the process ends.
    """
    from automations.engine.turns import stop
    from automations.webhooks.calling import stop as stop_calling

    stop.set()
    stop_calling.set()
