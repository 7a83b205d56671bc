// What was typed and not saved stays in this browser, until it is saved or given up. Samples of
// personal and secret variables are left out.
import {button} from './rows.js';

const OLDEST = 14 * 24 * 3600 * 1000; // milliseconds
const PREFIX = 'llmplatform:draft:';

export class Keep {
    constructor(key, {read, restore, place}) {
        Object.assign(this, {key: PREFIX + key, read, restore, place});
        // A page that tells faults shows what the server refused: it is saved nowhere yet.
        this.begun = document.querySelector('.errornote') ? '' : this.snapshot();
        this.forgetOld();
        this.offer();
    }

    snapshot() {
        const state = this.read();
        for (const variable of state.variables) {
            if (variable.sensitivity !== 'none') {
                variable.sample = variable.default = '';
            }
        }
        state.variables.sort((a, b) => (a.name < b.name ? -1 : 1));
        return JSON.stringify(state);
    }

    get isTouched() {
        return this.snapshot() !== this.begun;
    }

    save() {
        try {
            if (this.isTouched) {
                localStorage.setItem(this.key, JSON.stringify({at: Date.now(), state: this.snapshot()}));
            } else if (!this.offered) {
                localStorage.removeItem(this.key);
            }
        } catch { /* full or switched off: the page works without */ }
    }

    offer() {
        const kept = this.stored(this.key);
        if (kept?.state === this.begun) {
            localStorage.removeItem(this.key);
        }
        if (!kept || kept.state === this.snapshot()) {
            return;
        }
        const box = document.createElement('div'), text = document.createElement('p');
        this.offered = true;
        box.className = 'l-card p-kept';
        box.setAttribute('role', 'region');
        box.setAttribute('aria-label', 'Unsaved text');
        text.textContent = `This browser holds text of ${new Date(kept.at).toLocaleString()} that was not saved here.`;
        box.append(text, button('Restore it', '', () => this.end(box, kept)), button('Discard it', '', () => this.end(box)));
        this.place.before(box);
    }

    end(box, kept) {
        box.remove();
        this.offered = false;
        if (kept) {
            this.restore(JSON.parse(kept.state));
        } else {
            localStorage.removeItem(this.key);
        }
    }

    stored(key) {
        try {
            return JSON.parse(localStorage.getItem(key));
        } catch {
            return null;
        }
    }

    forgetOld() {
        for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
            if (Date.now() - (this.stored(key)?.at ?? 0) > OLDEST) {
                localStorage.removeItem(key);
            }
        }
    }
}
