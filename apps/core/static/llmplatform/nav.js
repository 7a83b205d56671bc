/* The left navigation: folded away on request on a wide screen, a drawer on a narrow one.
   Loaded in the head, so that a folded navigation does not flash up on every page. */
'use strict';
{
    const root = document.documentElement;
    const narrow = window.matchMedia('(max-width: 900px)');
    const KEY = 'llmplatform.nav';
    root.dataset.nav = localStorage.getItem(KEY) === 'closed' ? 'closed' : 'open';

    function isOpen() {
        return narrow.matches ? root.dataset.drawer === 'open' : root.dataset.nav === 'open';
    }

    function start() {
        const button = document.getElementById('l-nav-toggle');
        const nav = document.getElementById('l-nav');
        const backdrop = document.getElementById('l-backdrop');
        if (!button || !nav) {
            return;
        }

        function show() {
            button.setAttribute('aria-expanded', String(isOpen()));
            backdrop.hidden = !(narrow.matches && isOpen());
        }

        function toggle() {
            if (narrow.matches) {
                root.dataset.drawer = isOpen() ? 'closed' : 'open';
                (isOpen() ? nav : button).focus();
            } else {
                root.dataset.nav = isOpen() ? 'closed' : 'open';
                localStorage.setItem(KEY, root.dataset.nav);
            }
            show();
        }

        button.addEventListener('click', toggle);
        backdrop.addEventListener('click', toggle);
        document.addEventListener('keydown', (event) => {
            if (event.key === 'Escape' && narrow.matches && isOpen()) {
                toggle();
            }
        });
        narrow.addEventListener('change', show);
        show();
        const current = nav.querySelector('[aria-current]');
        if (current && current.offsetTop > nav.clientHeight) {
            nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
        }
    }

    document.addEventListener('DOMContentLoaded', start);
}
