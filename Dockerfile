# The service, its worker and every command of `rledger` in one image. Everything that changes lies in /var/lib/return-ledger.
FROM python:3.13-slim-bookworm

WORKDIR /srv/return-ledger
COPY requirements.txt pyproject.toml README.md LICENSE ./
RUN python -m pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r requirements.txt
COPY ledger_service ledger_service
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --no-index . \
    && useradd --uid 10001 --create-home --home-dir /var/lib/return-ledger ledger

USER ledger
WORKDIR /var/lib/return-ledger
ENV LEDGER_HOME=/var/lib/return-ledger/home
VOLUME /var/lib/return-ledger
EXPOSE 8080
ENTRYPOINT ["rledger"]
CMD ["serve", "--host", "0.0.0.0", "--processes", "2"]
