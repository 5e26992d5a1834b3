"""All settings, by feature. Every one works with no environment at all.

Each may be given by the environment variable that ``env`` reads here, or by
``NAME_FILE``, a path to a file that holds it. README lists them.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.urls import reverse_lazy

from magicshot.broker import broker_settings
from magicshot.env import BASE_DIR, data_folder, encryption_keys, env, secret_key

# Core

MAGICSHOT_HOME = data_folder()
SECRET_KEY = secret_key(MAGICSHOT_HOME)
ENCRYPTION_KEYS = encryption_keys(MAGICSHOT_HOME)
DEBUG = env.bool("DEBUG", False)
HOST = env.str("HOST", "localhost")
PORT = env.int("PORT", 8000)
SITE_URL = env.str("SITE_URL", f"http://localhost:{PORT}").rstrip("/")
SITE_NAME = env.str("SITE_NAME", "Magicshot")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=["localhost", "127.0.0.1", "[::1]", urlsplit(SITE_URL).hostname],
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL])
ROOT_URLCONF = "magicshot.urls"
ASGI_APPLICATION = "magicshot.asgi.application"
WSGI_APPLICATION = "magicshot.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "UTC")
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "magicshot.formats"

INSTALLED_APPS = [
    "magicshot",
    "generators",
    "gallery",
    "accounts",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "accounts.admin_config.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "magicshot.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.looking.impersonate",
    "allauth.account.middleware.AccountMiddleware",
    "magicshot.finishing.finish_answers",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "magicshot.setup.send_to_set_up",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.billing",
                "accounts.context.credits",
                "accounts.context.sign_up",
                "accounts.context.told",
            ]
        },
    }
]

# Accounts

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
EMAIL_IS_SET = bool(env.str("EMAIL_URL", ""))
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.partition(":")[0]
ACCOUNT_EMAIL_NOTIFICATIONS = EMAIL_IS_SET
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"{SITE_NAME}: "
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_IS_SET else "none"
ACCOUNT_FORMS = {"add_email": "accounts.forms.ChangeEmailForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
DELETION_DAYS = env.int("DELETION_DAYS", 14)  # from asking for it to the end
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_IS_SET
MFA_FORMS = {
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "authenticate_webauthn": "accounts.forms.AuthenticatePasskeyForm",
    "login_webauthn": "accounts.forms.LoginPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.ReauthenticatePasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1
# Browsers offer passkeys on https and, as an exception, on localhost.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = SITE_URL.startswith("http://")
SIGN_UP = env.str("SIGN_UP", "open")  # open, invitation or closed
SIGN_UP_CREDITS = env.int("SIGN_UP_CREDITS", 100)
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", False)
STAFF_SEES_PROMPTS = env.bool("STAFF_SEES_PROMPTS", False)  # and pictures and tags

# Admin

UNFOLD = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SIDEBAR": {"navigation": "accounts.admin_navigation.navigation"},
    "DASHBOARD_CALLBACK": "magicshot.dashboard.page.fill",
    "SITE_FAVICONS": [{"rel": "icon", "href": "accounts.admin_site.favicon"}],
    "STYLES": ["accounts.admin_site.stylesheet"],
    "COLORS": {  # those of static/css/tokens.css, as a scale
        "base": {
            "50": "#f9f7f4",
            "100": "#f5f3ef",
            "200": "#e2ded6",
            "300": "#cfc9bf",
            "400": "#978f85",
            "500": "#716a61",
            "600": "#5d574f",
            "700": "#3d3833",
            "800": "#252220",
            "900": "#1b1918",
            "950": "#121110",
        },
        "primary": {
            "50": "#fdf3ee",
            "100": "#fdeae3",
            "200": "#fbd0c0",
            "300": "#ffae90",
            "400": "#ff8a64",
            "500": "#ff6d3f",
            "600": "#d3380b",
            "700": "#b52d05",
            "800": "#8c2304",
            "900": "#5e1a06",
            "950": "#3a1d13",
        },
    },
}

# Broker and workers

BROKER_URL = env.str("BROKER_URL", "filesystem://localhost")
LEASE_SECONDS = env.float("LEASE_SECONDS", 30.0)
HEARTBEAT_SECONDS = env.float("HEARTBEAT_SECONDS", 10.0)
RECONCILE_SECONDS = env.float("RECONCILE_SECONDS", 15.0)
JOB_MAX_SECONDS = env.float("JOB_MAX_SECONDS", 7200.0)  # of drawing, not of waiting
QUEUE_MAX_SECONDS = env.float("QUEUE_MAX_SECONDS", 86_400.0)  # of waiting in a lane
RETRY_SECONDS = env.float("RETRY_SECONDS", 900.0)  # how long to try a busy provider
APPROVAL_SECONDS = env.float("APPROVAL_SECONDS", 604_800.0)  # until an admin agreed
UNKNOWN_SECONDS = env.float("UNKNOWN_SECONDS", 600.0)  # until credits are given back
QUEUE_PREFIX = env.str("QUEUE_PREFIX", "")  # for sites that share one broker
globals().update(
    broker_settings(
        BROKER_URL,
        home=MAGICSHOT_HOME,
        queue_prefix=QUEUE_PREFIX,
        reconcile_seconds=RECONCILE_SECONDS,
    )
)
REMOTE_CONCURRENCY = env.int("REMOTE_CONCURRENCY", 200)

# Cache

CACHE_URL = env.str("CACHE_URL", "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
    }
    if CACHE_URL
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": MAGICSHOT_HOME / "cache",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    }
}

# Database

DATABASES = {
    "default": env.db_url("DATABASE_URL", f"sqlite:///{MAGICSHOT_HOME / 'db.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # What is deleted is overwritten; most builds of SQLite do so anyway.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
        "PRAGMA secure_delete=ON;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A worker's threads share these: they hold one only between their remote calls.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 0,
        "max_size": env.int("DATABASE_CONNECTIONS", 16),
        "timeout": 10,
    }

# E-mail

globals().update(env.email_url("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "magicshot@localhost")

# Files

MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(MAGICSHOT_HOME / "media")))
S3_BUCKET = env.str("S3_BUCKET", "")
STATIC_URL = "static/"
STATIC_ROOT = MAGICSHOT_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("S3_ENDPOINT_URL", "") or None,
            "default_acl": "private",
            "file_overwrite": True,
        },
    }
    if S3_BUCKET
    else {
        "BACKEND": "gallery.disk.DurableFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT, "file_permissions_mode": 0o600},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
TRASH_DAYS = env.int("TRASH_DAYS", 30)

# Local models

BUILT_IN_MODELS_DIR = BASE_DIR / "models"
MODELS_DIR = Path(env.str("MODELS_DIR", str(MAGICSHOT_HOME / "models")))
HF_ENDPOINT = env.str("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
LOCAL_MODEL_PRICE = env.int("LOCAL_MODEL_PRICE", 1)
LOCAL_MEMORY_MB = env.int("LOCAL_MEMORY_MB", 0)  # 0: most of what the device has
LOCAL_IDLE_SECONDS = env.float("LOCAL_IDLE_SECONDS", 600.0)
LOCAL_MAX_WAIT_SECONDS = env.float("LOCAL_MAX_WAIT_SECONDS", 120.0)

# Logging

LOG_LEVEL = env.str("LOG_LEVEL", "WARNING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own would mail a server error to nobody and show it nowhere.
        "django": {"handlers": [], "propagate": True},
        # What visitors mistype is their business; what breaks on our side is an error.
        "django.request": {"level": "ERROR"},
        **{
            f"django.security.{name}": {"level": "CRITICAL"}
            for name in (
                "DisallowedHost",
                "RequestDataTooBig",
                "TooManyFieldsSent",
                "TooManyFilesSent",
            )
        },
    },
}

# Payments: off without a key

STRIPE_API_URL = env.str("STRIPE_API_URL", "")  # a fake's, for demos and tests
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_TAX = env.bool("STRIPE_TAX", False)
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")

# Prices

CREDIT_USD = env.str("CREDIT_USD", "")  # what a credit is worth; empty: not known

# Providers

FAKE_PROVIDER = env.bool("FAKE_PROVIDER", False)  # tests and load only
PRELOAD = env.bool("PRELOAD", True)  # load what first jobs need when a worker starts

# Security

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:", "blob:"],
        "manifest-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
    }
}
IS_HTTPS = SITE_URL.startswith("https://")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if IS_HTTPS else 0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
# The proxy redirects to https; sub-domains and browsers' preload lists are not ours.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
