package parent

// parseIngressNginx reads what the annotation auth-url makes ingress-nginx send.
func parseIngressNginx(in Input) (Request, error) {
	u, err := required(in.Header, hOriginalURL)
	if err != nil {
		return Request{}, err
	}
	method, err := required(in.Header, hOriginalMethod)
	if err != nil {
		return Request{}, err
	}
	return parseURL(hOriginalURL, u, hOriginalMethod, method, false)
}

// parseURL checks a request that one header names by its absolute URL.
func parseURL(name, u, methodName, method string, methodOptional bool) (Request, error) {
	r := raw{
		method: method, methodName: methodName, methodOptional: methodOptional,
		protoName: name, hostName: name, uriName: name,
	}
	var err error
	if r.proto, r.host, r.uri, err = splitAbsolute(u); err != nil {
		return Request{}, refused(name, u, err)
	}
	return r.check()
}
