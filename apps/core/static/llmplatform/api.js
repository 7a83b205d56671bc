/* Swagger UI has a dark theme, but only its top bar, which we don't show, switches it on. */
'use strict';
{
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
    dark.addEventListener('change', follow);
    follow();
}
