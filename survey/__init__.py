"""Espejo: how departments serve each other, set beside what customers say."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from survey.settings import Settings, folder


def create_app(settings: Settings, *, demo: bool = False) -> Flask:
    """The web application. The tables must be bound to a database already (survey.database)."""
    from survey.web import access, account, frame, meters
    from survey.web import demo as demo_pages
    from survey.web.blueprints import BLUEPRINTS, WATCHED

    app = frame.Espejo(__name__, static_folder=str(folder("static")), static_url_path="/static")
    if settings.metrics_token:
        meters.install(app, WATCHED)  # first, so that what is refused is counted as well
    frame.configure(app, settings)
    access.login_manager.init_app(app)
    access.limiter.init_app(app)  # adds no hook: limits count at the pages that have some, behind CSRF
    access.csrf.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if demo:
        app.register_blueprint(demo_pages.blueprint)
    app.add_url_rule("/", "index", demo_pages.who_is_who if demo else account.index)
    if proxies := int(settings.trusted_proxies):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    return app
