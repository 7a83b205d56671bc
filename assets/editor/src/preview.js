// Asks the server what the draft would send, a moment after the last key; late answers are dropped.

const PAUSE = 250; // milliseconds

export class Preview {
    constructor(panel, form, answered) {
        this.panel = panel;
        this.form = form;
        this.answered = answered;
        this.status = panel.querySelector('[role="status"]');
        this.body = panel.querySelector('.p-preview__body');
        panel.addEventListener('change', () => this.ask());
    }

    soon() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.ask(), PAUSE);
    }

    async ask() {
        clearTimeout(this.timer);
        this.controller?.abort();
        const controller = this.controller = new AbortController();
        try {
            const answer = await fetch(this.panel.dataset.url, {
                method: 'POST', body: new FormData(this.form), signal: controller.signal,
                headers: {Accept: 'application/json'},
            });
            await this.show(answer, controller);
        } catch (error) {
            if (error.name !== 'AbortError') {
                this.say('The server does not answer. What you typed is kept in this browser.');
            }
        }
    }

    async show(answer, controller) {
        if (answer.redirected || !answer.headers.get('Content-Type')?.includes('json')) {
            this.say('You are signed out, or this draft is gone. What you typed is kept in this browser: sign in in another tab, then save.');
            return;
        }
        const found = await answer.json();
        if (controller === this.controller) {
            this.body.innerHTML = found.html; // the server's own template, escaped there
            this.say(found.said);
            this.answered(found);
        }
    }

    say(text) {
        if (this.status.textContent !== text) {
            this.status.textContent = text;
        }
    }
}
