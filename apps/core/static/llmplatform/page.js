/* Small repairs to every page: regions that scroll, menus that close, names that Django forgets. */
'use strict';
{
    // Wide tables and charts scroll inside their own region, never the page; a region that
    // scrolls must be reachable by keyboard and have a name.
    const regions = document.querySelectorAll('.results, .l-scroll, .inline-group .tabular');

    function name(region) {
        const label = region.dataset.label || document.querySelector('h1')?.textContent || '';
        region.setAttribute('aria-label', label.trim());
    }

    function update() {
        for (const region of regions) {
            const scrolls = region.scrollWidth > region.clientWidth + 1;
            region.tabIndex = scrolls ? 0 : -1;
            if (scrolls) {
                region.setAttribute('role', 'region');
                name(region);
            } else {
                region.removeAttribute('tabindex');
                region.removeAttribute('role');
                region.removeAttribute('aria-label');
            }
        }
    }

    update();
    window.addEventListener('resize', update);

    // Django's two-sided selector labels plain spans, which readers ignore. It is built on load.
    window.addEventListener('load', () => {
        for (const hint of document.querySelectorAll('span.help-tooltip[aria-label]')) {
            hint.setAttribute('role', 'img');
        }
    });

    // A menu made of <details> closes when the attention moves on.
    document.addEventListener('click', (event) => {
        for (const menu of document.querySelectorAll('details.l-menu[open]')) {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        }
    });
    document.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') {
            document.querySelectorAll('details.l-menu[open]').forEach((menu) => {
                menu.open = false;
                menu.querySelector('summary').focus();
            });
        }
    });
}
