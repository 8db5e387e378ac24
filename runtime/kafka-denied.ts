import kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'

/** What OpenSSL says of a certificate that nobody here vouches for (X509_V_ERR_…, as Node names them). */
const untrusted = new Set([
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
const saslHandshake = 17
const noLogin =
  'the broker asks for no login on this port: leave out --sasl, or give --brokers the port that asks for one'
const untimely = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED'])

/**
 * Why a broker that is there lets us not in, with the remedy: a certificate or a login that is wrong. `undefined`:
 * it is something else. kafkajs gives a connection lost in the middle of a login the same name, so ask more than once.
 */
export function deniedReason(error: unknown): string | undefined {
  if (error instanceof kafkajs.KafkaJSConnectionError) return badCertificate(error)
  const message = error instanceof Error ? error.message : ''
  if (error instanceof kafkajs.KafkaJSSASLAuthenticationError) {
    return `the broker refused the login (${message}): check --sasl, --sasl-user and the secret (MILLRACE_SASL_SECRET or --sasl-secret-file)`
  }
  if (error instanceof kafkajs.KafkaJSServerDoesNotSupportApiKey && error.apiKey === saslHandshake)
    return noLogin
  if (!(error instanceof kafkajs.KafkaJSProtocolError)) return undefined
  if (error.code === errorCodes.ILLEGAL_SASL_STATE) return noLogin
  if (error.code === errorCodes.UNSUPPORTED_SASL_MECHANISM)
    return `the broker does not know this kind of login (${message}): choose another --sasl`
  return undefined
}

function badCertificate(error: kafkajs.KafkaJSConnectionError): string | undefined {
  const { message, broker } = error
  const code = 'code' in error ? String(error.code) : '' // Node's; kafkajs's types leave it out
  if (untrusted.has(code))
    return `the certificate of ${broker} is not trusted (${message}): give --tls-ca the PEM file of the authority that signed it`
  if (untimely.has(code))
    return `the certificate of ${broker} is not valid now (${message}): renew it, or set this machine's clock`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${broker} is for another name (${message}): use a name that it has, in --brokers and in the broker's advertised listeners`
  if (code.startsWith('ERR_SSL_'))
    return `${broker} and TLS do not fit together (${message}): does that port speak TLS, and without a certificate of ours?`
  return undefined
}
