package parent

// parseDirect reads a request that is its own parent. What a proxy says about scheme and host comes before what the
// connection shows, if it says it.
func parseDirect(in Input) (Request, error) {
	r := raw{
		method: in.Method, proto: in.Scheme, host: in.Host, uri: in.Suffix,
		methodName: "method", protoName: "scheme", hostName: "Host", uriName: "path",
	}
	if in.Forwarded {
		proto, err := optional(in.Header, hProto)
		if err != nil {
			return Request{}, err
		}
		if proto != "" {
			r.proto, r.protoName = proto, hProto
		}
		host, err := optional(in.Header, hHost)
		if err != nil {
			return Request{}, err
		}
		if host != "" {
			r.host, r.hostName = host, hHost
		}
	}
	return r.check()
}
