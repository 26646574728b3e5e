# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
# node and npm bundle the JavaScript query engines, which the binary embeds.
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN make js build VERSION=$VERSION

FROM scratch
# For LDAPS, JWKS and providers behind public certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/easgate /easgate
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/easgate", "healthcheck"]
ENTRYPOINT ["/easgate"]
CMD ["serve"]
